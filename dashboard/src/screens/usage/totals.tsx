import { useRead } from '../../api/hooks.ts'
import { formatDuration, formatMoney, formatNumber, formatPercent, formatShort } from '../../lib/format.ts'
import { Card, Columns, Stat, StatsSkeleton } from '../../ui/layout.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { meterName } from './meters.ts'
import { useOwnMeters } from './own-meters.ts'
import type { Span } from './range.ts'

/** The figures of a span, each with what it was in the span before. */
export function Totals({ span }: { readonly span: Span }) {
  const { data, error, refetch } = useRead('GET /usage/summary', { query: { ...span } })
  const own = useOwnMeters()
  if (error && !data) return <ErrorNotice error={error} onRetry={() => void refetch()} />
  if (!data) return <StatsSkeleton />
  const { totals, previous, change } = data
  const isOneMore = Object.keys(totals.quantities).length === 1
  return (
    <Card>
      <Columns of={isOneMore ? 5 : 4}>
        <Stat
          label="Requests"
          value={<span title={formatNumber(totals.requests)}>{formatShort(totals.requests)}</span>}
          note={describeChange(change.requests, formatShort(previous.totals.requests))}
        />
        <Stat
          label="Failed"
          value={totals.error_rate === null ? '–' : formatPercent(totals.error_rate)}
          note={
            previous.totals.error_rate === null
              ? `${formatNumber(totals.errors)} requests`
              : `${formatPercent(previous.totals.error_rate)} before`
          }
        />
        <Stat
          label="Response time, p95"
          value={totals.p95_response_time_ms === null ? '–' : formatDuration(totals.p95_response_time_ms)}
          note={
            previous.totals.p95_response_time_ms === null
              ? 'No earlier data'
              : `${formatDuration(previous.totals.p95_response_time_ms)} before`
          }
        />
        <Stat
          label="Cost"
          value={formatMoney(totals.cost_usd)}
          note={describeChange(change.cost_usd, formatMoney(previous.totals.cost_usd))}
        />
        {Object.entries(totals.quantities).map(([slug, amount]) => (
          <Stat
            key={slug}
            label={meterName(slug, own)}
            value={<span title={formatNumber(amount)}>{formatShort(amount)}</span>}
            note={`${formatShort(previous.totals.quantities[slug] ?? 0)} before`}
          />
        ))}
      </Columns>
    </Card>
  )
}

/** @param before the figure of the span before */
function describeChange(change: number | null, before: string): string {
  if (change === null) return 'No earlier data'
  if (Math.abs(change) < 0.0005) return `Unchanged from ${before}`
  return `${change > 0 ? '+' : '−'}${formatPercent(Math.abs(change))}, from ${before}`
}
