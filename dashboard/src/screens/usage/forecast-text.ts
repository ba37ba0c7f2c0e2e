import type { MeterForecast, MoneyMeterForecast } from '../../api/types.ts'
import { formatDate, formatRelative } from '../../lib/format.ts'
import { describeAmount, formatAmount, type OwnMeters } from './meters.ts'

/** What a forecast means, in one sentence. */
export function describeForecast(
  meter: string,
  { outlook, projected, rate_per_day, exhausted_at, limit }: MeterForecast | MoneyMeterForecast,
  resetsAt: string,
  own: OwnMeters,
): string {
  const rate = rate_per_day === null ? '' : `At ${formatAmount(meter, rate_per_day, own[meter]?.unit)} per day, `
  const end = formatDate(resetsAt)
  if (outlook === 'exhausts' && exhausted_at)
    return `${rate}the limit is reached on ${formatDate(exhausted_at)}, ${formatRelative(exhausted_at)}.`
  if (outlook === 'exhausted') return `The limit of ${describeAmount(meter, limit ?? 0, own)} is used up until ${end}.`
  if (outlook === 'idle') return 'No usage in recent days.'
  if (outlook === 'too_little_data') return 'A forecast appears a day after the first use.'
  if (projected === null) return 'There is no limit.'
  if (outlook === 'unlimited')
    return `${rate}usage reaches ${describeAmount(meter, projected, own)} by ${end}. There is no limit.`
  return `${rate}usage reaches ${describeAmount(meter, projected, own)} by ${end}, within the limit.`
}
