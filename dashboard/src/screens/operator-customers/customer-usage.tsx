import { Suspense } from 'react'
import { useRead } from '../../api/hooks.ts'
import type { MeterReading, MoneyMeterReading } from '../../api/types.ts'
import { formatMoney, formatNumber, formatPercent, formatShort } from '../../lib/format.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { FilterSelect, Filters } from '../../ui/filters.tsx'
import { Card, Columns, Section, Stat, StatsSkeleton } from '../../ui/layout.tsx'
import { lazyPart } from '../../ui/lazy-part.tsx'
import { Meter } from '../../ui/meter.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { listMeasures, toMeasure } from '../usage/measures.ts'
import { formatAmount, listMeters, meterName } from '../usage/meters.ts'
import { useMetersOfAll } from '../usage/own-meters.ts'
import { RANGES, readRange } from './range.ts'
import { UsageChart } from './usage-chart.tsx'

// no part of the screen's first load
const Subjects = lazyPart(async () => (await import('../usage/subjects.tsx')).Subjects)

const Reservations = lazyPart(async () => (await import('../usage/reservations.tsx')).CustomerReservations)

type Readings = Readonly<Record<string, MeterReading | MoneyMeterReading | undefined>>

export function CustomerUsage({ id }: { readonly id: string }) {
  const [state, change] = useSearchState({ tab: 'usage', range: '30d', measure: 'requests' })
  const own = useMetersOfAll()
  const { range } = state
  const measure = toMeasure(state.measure, own)
  return (
    <>
      <Filters>
        <FilterSelect label="Range" value={range} options={RANGES} onChange={(next) => change({ range: next })} />
        <FilterSelect
          label="Show"
          value={measure}
          options={listMeasures(own)}
          onChange={(next) => change({ measure: next })}
        />
      </Filters>
      <Totals filter={{ organization_id: id }} range={range} />
      <UsageChart range={range} measure={measure} filter={{ organization_id: id }} />
      <Quotas id={id} />
      <Suspense>
        <Subjects span={{ from: readRange(range).from }} measure={measure} customer={id} own={own} />
        <Reservations id={id} own={own} />
      </Suspense>
    </>
  )
}

interface TotalsProps {
  readonly filter: { readonly organization_id?: string; readonly plan?: string }
  readonly range: string
}

const change = (share: number | null) =>
  share === null ? 'No earlier data' : `${share >= 0 ? '+' : '−'}${formatPercent(Math.abs(share))} vs. previous period`

export function Totals({ filter, range }: TotalsProps) {
  const { from } = readRange(range)
  const own = useMetersOfAll()
  const { data, error, refetch } = useRead('GET /admin/usage/summary', { query: { ...filter, from } })
  if (error && !data) return <ErrorNotice error={error} onRetry={() => void refetch()} />
  if (!data) return <StatsSkeleton />
  const { totals } = data
  const quantities = Object.entries(totals.quantities)
  return (
    <Card>
      <Columns of={quantities.length === 1 ? 5 : 4}>
        <Stat label="Requests" value={formatNumber(totals.requests)} note={change(data.change.requests)} />
        <Stat
          label="Errors"
          value={formatNumber(totals.errors)}
          note={totals.error_rate === null ? 'No requests' : `${formatPercent(totals.error_rate)} of requests`}
        />
        <Stat label="Tokens" value={formatShort(totals.tokens)} note={change(data.change.tokens)} />
        <Stat label="Cost" value={formatMoney(totals.cost_usd)} note={change(data.change.cost_usd)} />
        {quantities.map(([slug, amount]) => (
          <Stat
            key={slug}
            label={meterName(slug, own)}
            value={formatShort(amount)}
            note={`${formatShort(data.previous.totals.quantities[slug] ?? 0)} before`}
          />
        ))}
      </Columns>
    </Card>
  )
}

function Quotas({ id }: { readonly id: string }) {
  const { data, error, refetch } = useRead('GET /quotas', { query: { organization_id: id } })
  return (
    <Section
      title="Limits this period"
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
          {listMeters(data).map((name) => {
            const reading = (data.meters as Readings)[name]
            if (!reading) return null
            const { limit, used, held, name: own, unit } = reading
            return (
              <Meter
                key={name}
                label={own ?? meterName(name)}
                used={Number(used)}
                held={Number(held)}
                limit={limit === null ? null : Number(limit)}
                format={(amount) => formatAmount(name, amount, unit)}
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
