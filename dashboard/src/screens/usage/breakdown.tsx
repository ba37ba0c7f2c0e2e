import { useRead } from '../../api/hooks.ts'
import type { UsageBreakdown } from '../../api/types.ts'
import { formatDuration, formatNumber, formatPercent } from '../../lib/format.ts'
import { useMay } from '../../shell/session-context.tsx'
import { FilterSelect } from '../../ui/filters.tsx'
import { Section } from '../../ui/layout.tsx'
import { useGo } from '../../ui/link.tsx'
import { Empty } from '../../ui/states.tsx'
import { type Column, Table } from '../../ui/table.tsx'
import {
  type Dimension,
  describeCost,
  describeMeasure,
  dimensionName,
  filterOf,
  groupName,
  isOwn,
  type Measure,
  measureName,
  measureValue,
  type Sums,
} from './measures.ts'
import type { OwnMeters } from './meters.ts'
import { lengthInDays, type Span } from './range.ts'

interface BreakdownProps {
  readonly span: Span
  readonly by: Dimension
  readonly measure: Measure
  readonly own: OwnMeters
  readonly limit: string
  readonly onLimit: (limit: string) => void
}

type Row = Sums & { readonly id: string; readonly name: string; readonly share: number | null; readonly value?: string }

/** How far back single events are found. */
const EVENT_DAYS = 35

/** The largest groups of a dimension. A row leads to its events. */
export function Breakdown({ span, by, measure, own, limit, onLimit }: BreakdownProps) {
  const go = useGo()
  const mayOpen = useMay('usage:events') && lengthInDays(span) <= EVENT_DAYS
  const { data, error, refetch } = useRead('GET /usage/breakdown', {
    query: { ...span, by, order: measure, limit: Number(limit) },
  })
  const open = ({ value }: Row) => go('/events', { range: eventRange(span), ...(value && { [filterOf(by)]: value }) })
  return (
    <Section
      title={`By ${by === 'key' ? 'API key' : dimensionName(by).toLowerCase()}`}
      intro={`Shares are of ${describeMeasure(measure, own)}.${mayOpen ? ' Select a row to see its events.' : ''}`}
      actions={
        <FilterSelect
          label="Rows"
          value={limit}
          options={[
            ['10', '10 largest'],
            ['25', '25 largest'],
            ['100', '100 largest'],
          ]}
          onChange={onLimit}
        />
      }
    >
      <Table
        label={`Usage by ${dimensionName(by)}`}
        columns={columns(by, measure, own)}
        rows={data?.by === by ? toRows(data) : undefined}
        rowId={({ id }) => id}
        {...(mayOpen && { onOpen: open })}
        error={error}
        onRetry={() => void refetch()}
        empty={
          <Empty title="No usage in this range">Choose a longer range, or make a request with one of your keys.</Empty>
        }
      />
    </Section>
  )
}

/** Ranges of the events screen. */
function eventRange(span: Span): string {
  const days = lengthInDays(span, Date.now())
  return days <= 1 ? '24h' : days <= 7 ? '7d' : '35d'
}

function toRows(data: UsageBreakdown): Row[] {
  const rows = data.data.map((group) => ({
    ...group,
    id: group.value ?? 'none',
    name: groupName(group, data.by),
    value: group.value ?? '',
  }))
  if (!data.other || data.other.groups === 0) return rows
  return [...rows, { ...data.other, id: 'others', name: `${formatNumber(data.other.groups)} others`, value: '' }]
}

function columns(by: Dimension, measure: Measure, own: OwnMeters): Column<Row>[] {
  const measured: Column<Row> = {
    name: measureName(measure, own),
    numeric: true,
    cell: (row) => formatNumber(measureValue(row, measure)),
  }
  return [
    { name: dimensionName(by), width: 'minmax(0,2fr)', cell: ({ name }) => <span title={name}>{name}</span> },
    {
      name: 'Share',
      width: 'minmax(9rem,1fr)',
      cell: ({ share }) => <Share share={share} />,
    },
    ...(isOwn(measure) ? [measured] : []),
    { name: 'Requests', numeric: true, cell: ({ requests }) => formatNumber(requests) },
    { name: 'Failed', numeric: true, cell: (row) => (row.error_rate === null ? '–' : formatPercent(row.error_rate)) },
    {
      name: 'p95',
      numeric: true,
      secondary: true,
      cell: (row) => (row.p95_response_time_ms === null ? '–' : formatDuration(row.p95_response_time_ms)),
    },
    { name: 'Tokens', numeric: true, secondary: true, cell: ({ tokens }) => formatNumber(tokens) },
    { name: 'Cost', numeric: true, cell: describeCost },
  ]
}

/** A share as a bar and a number. */
export function Share({ share }: { readonly share: number | null }) {
  if (share === null) return <span className="text-muted">–</span>
  return (
    <span className="inline-flex w-full items-center gap-2">
      <span aria-hidden className="h-1.5 w-16 shrink-0 overflow-hidden rounded-full bg-hover">
        <span className="block h-full bg-accent" style={{ width: `${Math.min(1, share) * 100}%` }} />
      </span>
      {formatPercent(share)}
    </span>
  )
}
