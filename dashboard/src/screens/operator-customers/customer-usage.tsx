import { useRead } from '../../api/hooks.ts'
import { formatMoney, formatNumber, formatPercent, formatShort } from '../../lib/format.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { FilterSelect, Filters } from '../../ui/filters.tsx'
import { Card, Columns, Section, Stat, StatsSkeleton } from '../../ui/layout.tsx'
import { Meter } from '../../ui/meter.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { isMeasure, MEASURES } from './measures.ts'
import { formatMeter, METERS, meterName } from './meters.ts'
import { RANGES, readRange } from './range.ts'
import { UsageChart } from './usage-chart.tsx'

export function CustomerUsage({ id }: { readonly id: string }) {
  const [{ range, measure }, change] = useSearchState({ tab: 'usage', range: '30d', measure: 'requests' })
  return (
    <>
      <Filters>
        <FilterSelect label="Range" value={range} options={RANGES} onChange={(next) => change({ range: next })} />
        <FilterSelect label="Show" value={measure} options={MEASURES} onChange={(next) => change({ measure: next })} />
      </Filters>
      <Totals filter={{ organization_id: id }} range={range} />
      <UsageChart range={range} measure={isMeasure(measure) ? measure : 'requests'} filter={{ organization_id: id }} />
      <Quotas id={id} />
    </>
  )
}

interface TotalsProps {
  readonly filter: { readonly organization_id?: string; readonly plan?: string }
  readonly range: string
}

const change = (share: number | null) =>
  share === null ? 'Nothing to compare with' : `${share >= 0 ? '+' : '−'}${formatPercent(Math.abs(share))} from before`

export function Totals({ filter, range }: TotalsProps) {
  const { from } = readRange(range)
  const { data, error, refetch } = useRead('GET /admin/usage/summary', { query: { ...filter, from } })
  if (error && !data) return <ErrorNotice error={error} onRetry={() => void refetch()} />
  if (!data) return <StatsSkeleton />
  const { totals } = data
  return (
    <Card>
      <Columns of={4}>
        <Stat label="Requests" value={formatNumber(totals.requests)} note={change(data.change.requests)} />
        <Stat
          label="Errors"
          value={formatNumber(totals.errors)}
          note={totals.error_rate === null ? 'No requests' : `${formatPercent(totals.error_rate)} of requests`}
        />
        <Stat label="Tokens" value={formatShort(totals.tokens)} note={change(data.change.tokens)} />
        <Stat label="Cost" value={formatMoney(totals.cost_usd)} note={change(data.change.cost_usd)} />
      </Columns>
    </Card>
  )
}

function Quotas({ id }: { readonly id: string }) {
  const { data, error, refetch } = useRead('GET /quotas', { query: { organization_id: id } })
  return (
    <Section
      title="Limits of this period"
      intro={
        data && (
          <>
            Counters reset <Time at={data.resets_at} />.
          </>
        )
      }
    >
      {data ? (
        <Card className="grid gap-x-8 gap-y-4 md:grid-cols-2">
          {METERS.map((name) => {
            const { limit, used, held } = data.meters[name]
            return (
              <Meter
                key={name}
                label={meterName(name)}
                used={Number(used)}
                held={Number(held)}
                limit={limit === null ? null : Number(limit)}
                format={(amount) => formatMeter(name, amount)}
              />
            )
          })}
        </Card>
      ) : error ? (
        <ErrorNotice error={error} onRetry={() => void refetch()} />
      ) : (
        <Skeleton lines={3} />
      )}
    </Section>
  )
}
