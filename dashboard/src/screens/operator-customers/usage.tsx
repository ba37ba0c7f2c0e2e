import { useRead } from '../../api/hooks.ts'
import type { UsageBreakdownDataItem } from '../../api/types.ts'
import { formatName, formatNumber, formatPercent } from '../../lib/format.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { FilterSelect, Filters } from '../../ui/filters.tsx'
import { Page, Section } from '../../ui/layout.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Empty } from '../../ui/states.tsx'
import { Table } from '../../ui/table.tsx'
import { formatTick, listMeasures, type Measure, measureName, measureValue, toMeasure } from '../usage/measures.ts'
import type { OwnMeters } from '../usage/meters.ts'
import { useMetersOfAll } from '../usage/own-meters.ts'
import { CustomerFilter } from './customer-filter.tsx'
import { Totals } from './customer-usage.tsx'
import { planOptions, usePlans } from './plans.ts'
import { RANGES, readRange } from './range.ts'
import { UsageChart } from './usage-chart.tsx'

const DEFAULTS = { range: '30d', plan: '', customer: '', by: 'organization', measure: 'requests' }
const BY = [
  ['organization', 'Customer'],
  ['plan', 'Plan'],
  ['endpoint', 'Endpoint'],
  ['model', 'Model'],
  ['provider', 'Provider'],
  ['route', 'Route'],
  ['status', 'Status'],
  ['environment', 'Environment'],
] as const
type By = (typeof BY)[number][0]

export function UsageOfAll() {
  const [state, change] = useSearchState(DEFAULTS)
  const { plans } = usePlans()
  const { range, plan, customer } = state
  const own = useMetersOfAll()
  const measure = toMeasure(state.measure, own)
  const filter = { ...(plan && { plan }), ...(customer && { organization_id: customer }) }
  return (
    <Page title="Customer usage">
      <Filters>
        <FilterSelect label="Range" value={range} options={RANGES} onChange={(next) => change({ range: next })} />
        <FilterSelect
          label="Show"
          value={measure}
          options={listMeasures(own)}
          onChange={(next) => change({ measure: next })}
        />
        <FilterSelect
          label="Plan"
          value={plan}
          options={planOptions(plans)}
          isReadLater
          onChange={(next) => change({ plan: next, customer: '' })}
        />
        <CustomerFilter value={customer} onChange={(next) => change({ customer: next, plan: '' })} />
      </Filters>
      <Totals filter={filter} range={range} />
      <UsageChart filter={filter} range={range} measure={measure} />
      <Breakdown filter={filter} range={range} measure={measure} by={state.by as By} onBy={(by) => change({ by })} />
    </Page>
  )
}

interface BreakdownProps {
  readonly filter: { readonly plan?: string; readonly organization_id?: string }
  readonly range: string
  readonly measure: Measure
  readonly by: By
  readonly onBy: (by: string) => void
}

/** The largest of them, and the rest as one row. */
const SHOWN = 20

function Breakdown({ filter, range, measure, by, onBy }: BreakdownProps) {
  const { from } = readRange(range)
  const { data, error, refetch } = useRead('GET /admin/usage/breakdown', {
    query: { ...filter, from, by, order: measure, limit: SHOWN },
  })
  const { planName } = usePlans()
  const own = useMetersOfAll()
  const name = (row: UsageBreakdownDataItem): string => {
    if (by === 'organization') return row.name ?? (row.value === null ? 'Unknown' : 'A deleted customer')
    if (row.value === null) return by === 'plan' ? 'Of deleted customers' : 'Without a value'
    return by === 'plan' ? planName(row.value) : row.value === '' ? 'Without a value' : row.value
  }
  const other = data?.other && data.other.groups > 0 ? data.other : undefined
  return (
    <Section
      title={`${measureName(measure, own)} by ${formatName(BY.find(([one]) => one === by)?.[1] ?? by).toLowerCase()}`}
      actions={<FilterSelect label="Break down by" value={by} options={BY} onChange={onBy} />}
    >
      {error && !data ? (
        <ErrorNotice error={error} onRetry={() => void refetch()} />
      ) : (
        <Table
          label="Breakdown of usage"
          rows={data?.data}
          rowId={({ value }) => value ?? 'none'}
          {...(by === 'organization' && { rowLink: customerLink })}
          empty={<Empty title="No usage in this range">Choose a longer range, or fewer filters.</Empty>}
          columns={[
            { name: BY.find(([one]) => one === by)?.[1] ?? by, width: 'minmax(0,2fr)', cell: name },
            { name: 'Share', width: '9rem', cell: ({ share }) => <Share of={share} /> },
            ...columns(measure, own),
          ]}
        />
      )}
      {other && (
        <p className="text-muted">
          And {formatNumber(other.groups)} more with {formatTick(measure)(measureValue(other, measure))} in total.
        </p>
      )}
    </Section>
  )
}

const customerLink = ({ value }: UsageBreakdownDataItem) => `/operator/customers/${value ?? ''}`

/** The measure that orders the rows comes first, the usual ones after it. */
function columns(measure: Measure, own: OwnMeters) {
  const names = [...new Set<Measure>([measure, 'requests', 'errors', 'tokens', 'cost_usd'])].slice(0, 4)
  return names.map((one, at) => ({
    name: measureName(one, own),
    numeric: true,
    width: '6.5rem',
    secondary: at > 2,
    cell: (row: UsageBreakdownDataItem) => formatTick(one)(measureValue(row, one)),
  }))
}

function Share({ of: share }: { readonly of: number | null }) {
  if (share === null) return <span className="text-muted">–</span>
  return (
    <span className="inline-flex items-center gap-2">
      <svg aria-hidden viewBox="0 0 64 6" className="h-1.5 w-16 rounded-full">
        <rect width="64" height="6" fill="var(--hover)" />
        <rect width={64 * share} height="6" fill="var(--chart-1)" />
      </svg>
      {formatPercent(share)}
    </span>
  )
}
