import { useRead } from '../../api/hooks.ts'
import { formatCount, formatMoney, formatNumber, formatShort } from '../../lib/format.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { FilterSelect, Filters } from '../../ui/filters.tsx'
import { Card, Columns, Page, Stat, StatsSkeleton } from '../../ui/layout.tsx'
import { Link, textLink } from '../../ui/link.tsx'
import { ErrorNotice, Notice } from '../../ui/notice.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { ModelTable } from './model-table.tsx'
import { PriceList } from './price-list.tsx'
import { fitInterval, type Span } from './range.ts'
import { RangeFilters } from './range-filters.tsx'
import { SeriesCard } from './series-card.tsx'
import { RANGE_STATE, useRange } from './use-range.ts'

const DEFAULTS = { ...RANGE_STATE, tab: 'model', measure: 'cost_usd', search: '' }
const TABS = [
  ['model', 'Models'],
  ['provider', 'Providers'],
  ['prices', 'Price list'],
] as const

export function Models() {
  const [state, change] = useSearchState(DEFAULTS)
  const tab = TABS.find(([key]) => key === state.tab)?.[0] ?? 'model'
  return (
    <Page title="Models and cost" intro="Language models used for your requests, and their cost.">
      <Tabs label="Views of models" value={tab} tabs={TABS} onChange={(one) => change({ tab: one })} />
      {tab === 'prices' ? (
        <PriceList search={state.search} onSearch={(search) => change({ search })} />
      ) : (
        <Used state={state} change={change} by={tab} />
      )}
    </Page>
  )
}

interface UsedProps {
  readonly state: typeof DEFAULTS
  readonly change: (change: Partial<typeof DEFAULTS>) => void
  readonly by: 'model' | 'provider'
}

function Used({ state, change, by }: UsedProps) {
  const { zone, span } = useRange(state)
  const measure = state.measure === 'tokens' ? 'tokens' : 'cost_usd'
  return (
    <>
      <Filters>
        <RangeFilters state={state} zone={zone} onChange={change} />
        <FilterSelect
          label="Measure"
          value={measure}
          options={[
            ['cost_usd', 'Cost'],
            ['tokens', 'Tokens'],
          ]}
          onChange={(one) => change({ measure: one })}
        />
      </Filters>
      <Figures span={span} />
      <SeriesCard span={span} interval={fitInterval(span, '')} zone={zone} measure={measure} by={by} />
      <ModelTable span={span} by={by} measure={measure} />
      <Unpriced span={span} />
    </>
  )
}

function Figures({ span }: { readonly span: Span }) {
  const { data, error, refetch } = useRead('GET /usage/summary', { query: { ...span } })
  if (error && !data) return <ErrorNotice error={error} onRetry={() => void refetch()} />
  if (!data) return <StatsSkeleton />
  const { totals, previous } = data
  return (
    <>
      <Card>
        <Columns of={4}>
          <Stat
            label="Cost"
            value={formatMoney(totals.cost_usd)}
            note={`${formatMoney(previous.totals.cost_usd)} before`}
          />
          <Stat label="Input tokens" value={tokens(totals.input_tokens)} note="Including cached tokens" />
          <Stat
            label="Cached input tokens"
            value={tokens(totals.cached_tokens)}
            note={`${shareText(totals.cached_tokens, totals.input_tokens)} of the input`}
          />
          <Stat
            label="Output tokens"
            value={tokens(totals.output_tokens)}
            note={`${formatShort(previous.totals.output_tokens)} before`}
          />
        </Columns>
      </Card>
    </>
  )
}

const tokens = (value: number) => <span title={formatNumber(value)}>{formatShort(value)}</span>
const shareText = (part: number, whole: number) => (whole > 0 ? `${Math.round((part / whole) * 100)}%` : '0%')

/** Why some cost is missing, and what to do about it. */
function Unpriced({ span }: { readonly span: Span }) {
  const { data } = useRead('GET /usage/summary', { query: { ...span } })
  const count = data?.totals.unpriced ?? 0
  if (count === 0) return null
  return (
    <Notice kind="warn">
      <p className="font-medium">
        {`${formatCount(count, 'event has', 'events have')} a model without a known price, so the cost shown is too low.`}
      </p>
      <p>
        Their tokens are counted. To include their cost, report <code className="font-mono text-small">cost_usd</code>{' '}
        with each event, or use the model’s name from the price list. The Unpriced column shows which models are
        affected.{' '}
        <Link to="/models" search={{ tab: 'prices' }} className={textLink}>
          Show the price list
        </Link>
      </p>
    </Notice>
  )
}
