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
import { formatAmount, listMeters, meterName, readOwnMeters } from './meters.ts'
import { OrganizationLimits } from './organization-limits.tsx'
import { Thresholds } from './thresholds.tsx'

export function Limits() {
  const quotas = useRead('GET /quotas', {}, { every: 30_000 })
  const forecast = useRead('GET /usage/forecast')
  const maySeePlans = useMay('billing:read')
  const isReady = quotas.data && (forecast.data || forecast.error) // or what is below would jump
  return (
    <Page
      title="Limits and alerts"
      intro={quotas.data ? resetText(quotas.data) : 'Quotas reset each period. Rate limits always apply.'}
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
          <Section title="Quotas" intro="Shared by all keys of the organization.">
            <Columns>
              {listMeters(quotas.data).map((meter) => (
                <MeterCard key={meter} meter={meter} quotas={quotas.data} forecast={forecast.data} />
              ))}
            </Columns>
            {forecast.error && <ErrorNotice error={forecast.error} onRetry={() => void forecast.refetch()} />}
          </Section>
          <OrganizationLimits quotas={quotas.data} />
          <Rates quotas={quotas.data} />
        </>
      )}
      {(isReady || quotas.error) && (
        <>
          <KeyLimits />
          <Thresholds own={quotas.data ? readOwnMeters(quotas.data) : {}} />
          <Alerts />
        </>
      )}
    </Page>
  )
}

/** What there is at a moment; it does not start again with a period. */
const GAUGES: ReadonlySet<string> = new Set(['concepts', 'storage_gb'])

const resetText = ({ resets_at }: Quotas) =>
  `The current period ends ${formatTime(resets_at)}, ${formatRelative(resets_at)}. Quotas then reset.`

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
      {isGauge && <p>The level that was last reported.</p>}
    </Card>
  )
}

function Rates({ quotas }: { readonly quotas: Quotas }) {
  return (
    <Section
      title="Rates and keys"
      intro="Requests above the rate are refused. Each request stops counting after a minute."
    >
      <Card>
        <Columns>
          <Stat
            label="Rate limit per key"
            value={`${formatNumber(quotas.rate_limit_per_minute)} per minute`}
            note="In any 60 seconds, unless the key has its own"
          />
          <Stat
            label="API keys"
            value={`Up to ${formatNumber(quotas.max_api_keys)}`}
            note="Not counting revoked keys"
          />
          {quotas.max_concurrent && <Concurrency {...quotas.max_concurrent} />}
        </Columns>
      </Card>
    </Section>
  )
}

function Concurrency({ limit, open }: NonNullable<Quotas['max_concurrent']>) {
  const note = open === null ? 'Across all keys' : `${formatNumber(open)} open now, across all keys`
  return <Stat label="Concurrent reservations" value={`Up to ${formatNumber(limit)}`} note={note} />
}
