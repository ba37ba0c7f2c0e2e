import { useRead } from '../../api/hooks.ts'
import type { Quotas, UsageForecast } from '../../api/types.ts'
import { formatDate, formatNumber, formatRelative, formatTime } from '../../lib/format.ts'
import { useMay } from '../../shell/session-context.tsx'
import { buttonClass } from '../../ui/button.tsx'
import { Card, Columns, Page, Section, Stat } from '../../ui/layout.tsx'
import { Link } from '../../ui/link.tsx'
import { Meter } from '../../ui/meter.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { Alerts } from './alerts.tsx'
import { describeForecast } from './forecast-text.ts'
import { KeyLimits } from './key-limits.tsx'
import { formatAmount, meterName, readOwnMeters } from './meters.ts'
import { Thresholds } from './thresholds.tsx'

export function Limits() {
  const quotas = useRead('GET /quotas', {}, { every: 30_000 })
  const forecast = useRead('GET /usage/forecast')
  const maySeePlans = useMay('billing:read')
  const isReady = quotas.data && (forecast.data || forecast.error) // or what is below would jump
  return (
    <Page
      title="Limits and alerts"
      intro={
        quotas.data
          ? resetText(quotas.data)
          : 'Quotas start at zero with each period, and rates are limited all the time.'
      }
      actions={
        maySeePlans && (
          <Link to="/billing" className={buttonClass()}>
            Compare plans
          </Link>
        )
      }
    >
      {quotas.error && !quotas.data && <ErrorNotice error={quotas.error} onRetry={() => void quotas.refetch()} />}
      {!isReady && !quotas.error && <Skeleton lines={8} height="h-24" />}
      {isReady && (
        <>
          <Section title="Quotas" intro="What all keys of the organization may use together.">
            <Columns>
              {listMeters(quotas.data).map((meter) => (
                <MeterCard key={meter} meter={meter} quotas={quotas.data} forecast={forecast.data} />
              ))}
            </Columns>
            {forecast.error && <ErrorNotice error={forecast.error} onRetry={() => void forecast.refetch()} />}
          </Section>
          <Rates quotas={quotas.data} />
        </>
      )}
      {(isReady || quotas.error) && (
        <>
          <KeyLimits />
          <Thresholds />
          <Alerts />
        </>
      )}
    </Page>
  )
}

const METERS = ['api_calls', 'queries', 'tokens', 'cost_usd', 'concepts', 'storage_gb']
/** What there is at a moment; it does not start again with a period. */
const GAUGES: ReadonlySet<string> = new Set(['concepts', 'storage_gb'])

/** The built-in ones, and then those that the operator defined. */
export const listMeters = ({ meters }: Quotas): string[] => [
  ...METERS,
  ...Object.keys(meters).filter((name) => !METERS.includes(name)),
]

const resetText = ({ resets_at }: Quotas) =>
  `The present period ends ${formatTime(resets_at)}, ${formatRelative(resets_at)}. Quotas then start at zero.`

type Readings = Readonly<Record<string, Quotas['meters']['api_calls'] | Quotas['meters']['cost_usd'] | undefined>>

interface MeterCardProps {
  readonly meter: string
  readonly quotas: Quotas
  readonly forecast: UsageForecast | undefined
}

export function MeterCard({ meter, quotas, forecast }: MeterCardProps) {
  const reading = (quotas.meters as Readings)[meter]
  if (!reading) return null
  const write = (amount: number | string) => formatAmount(meter, amount, reading.unit)
  const isGauge = GAUGES.has(meter) || reading.kind === 'gauge'
  const outlook = isGauge ? undefined : forecast?.meters[meter as 'api_calls']
  const details = [
    Number(reading.held) > 0 && `${write(reading.held)} held for reservations`,
    reading.remaining !== null && `${write(reading.remaining)} left`,
    Number(reading.overage) > 0 && `${write(reading.overage)} above the limit`,
    isGauge ? 'Does not reset' : `Resets ${formatDate(quotas.resets_at)}`,
  ].filter((one) => one !== false)
  return (
    <Card className="flex flex-col gap-2">
      <Meter
        label={reading.name ?? meterName(meter)}
        used={Number(reading.used)}
        held={Number(reading.held)}
        limit={reading.limit === null ? null : Number(reading.limit)}
        format={write}
      />
      <p className="text-small text-muted">{details.join(' · ')}</p>
      {outlook && <p>{describeForecast(meter, outlook, quotas.resets_at, readOwnMeters(quotas))}</p>}
      {isGauge && <p>A reading of what there is, as it was last reported.</p>}
    </Card>
  )
}

function Rates({ quotas }: { readonly quotas: Quotas }) {
  return (
    <Section title="Rates and keys" intro="Requests above the rate are refused, and fit again as a minute passes.">
      <Card>
        <Columns>
          <Stat
            label="Rate limit of each key"
            value={`${formatNumber(quotas.rate_limit_per_minute)} a minute`}
            note="In any 60 seconds, unless the key has its own"
          />
          <Stat label="API keys" value={`Up to ${formatNumber(quotas.max_api_keys)}`} note="That are not revoked" />
        </Columns>
      </Card>
    </Section>
  )
}
