import { sumOverage } from '../credits/spend-cap.ts'
import type { MeterRequest, QuotaRequest } from '../limit-request.ts'
import { findMeter } from './known.ts'

/** Whether a meter's cap refuses, as far as this isolate knows: the same as `isSpent` in Lua (limits/scripts/quota.ts). */
export function isSpentLocally(quota: QuotaRequest, { meter, amount, spend }: MeterRequest, now: number): boolean {
  if (!spend) return false
  const own = new Map(quota.meters.map((one) => [one.meter, one.amount]))
  const countUnits = (name: MeterRequest['meter']) => {
    const { used, held } = findMeter(quota, { meter: name, amount: 0, limit: null }, now)
    return used + held
  }
  const charged = countUnits(meter)
  const before = charged + sumOverage(spend, countUnits)
  const after = charged + amount + sumOverage(spend, (name) => countUnits(name) + (own.get(name) ?? 0))
  return before >= spend.cap || after > spend.cap
}
