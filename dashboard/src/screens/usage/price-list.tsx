import { useRead } from '../../api/hooks.ts'
import type { ModelPrices } from '../../api/types.ts'
import { formatDate, formatShort, formatUnitPrice } from '../../lib/format.ts'
import { Filters, FilterText } from '../../ui/filters.tsx'
import { Section } from '../../ui/layout.tsx'
import { Empty } from '../../ui/states.tsx'
import { type Column, Table } from '../../ui/table.tsx'

type Price = ModelPrices['data'][number]

interface PriceListProps {
  readonly search: string
  readonly onSearch: (search: string) => void
}

/** The prices by which tokens become cost. */
export function PriceList({ search, onSearch }: PriceListProps) {
  const { data, error, refetch } = useRead('GET /usage/prices')
  const words = search.toLowerCase().split(/\s+/)
  const rows = data?.data.filter(({ provider, model }) => words.every((word) => `${provider} ${model}`.includes(word)))
  return (
    <>
      <Filters>
        <FilterText label="Search" value={search} placeholder="Provider or model" onChange={onSearch} />
      </Filters>
      <Section
        title="Price list"
        intro={
          data &&
          `US dollars per million tokens${hasUnits(data.data) ? ', per image and per request' : ''}, as of ${formatDate(`${data.checked_at}T12:00:00`)} (${data.source}). An event reported with its own cost keeps that cost.`
        }
      >
        <Table
          label="Prices of models"
          columns={[...COLUMNS.slice(0, -1), ...unitColumns(data?.data ?? []), ...COLUMNS.slice(-1)]}
          rows={rows}
          rowId={({ provider, model }) => `${provider}/${model}`}
          error={error}
          onRetry={() => void refetch()}
          empty={<Empty title="No prices are known" />}
          onClearFilters={search ? () => onSearch('') : undefined}
        />
      </Section>
    </>
  )
}

/** What has no price has a dash. */
const formatKnown = (usd: string | null) => (usd === null ? '–' : formatUnitPrice(usd))

const UNITS = [
  ['image_usd', 'Each image'],
  ['request_usd', 'Each request'],
] as const

/** Of what is no token only the operator has prices, if any. */
const unitColumns = (prices: readonly Price[]): Column<Price>[] =>
  UNITS.filter(([unit]) => prices.some((price) => price[unit] !== null)).map(([unit, name]) => ({
    name,
    numeric: true,
    cell: (price) => formatKnown(price[unit]),
  }))

const hasUnits = (prices: readonly Price[]) => unitColumns(prices).length > 0

const COLUMNS: Column<Price>[] = [
  { name: 'Model', width: 'minmax(0,2fr)', cell: ({ model }) => <span title={model}>{model}</span> },
  { name: 'Provider', cell: ({ provider }) => provider },
  { name: 'Input', numeric: true, cell: (price) => formatKnown(price.input_usd) },
  { name: 'Cached input', numeric: true, cell: (price) => formatKnown(price.cached_input_usd) },
  { name: 'Output', numeric: true, cell: (price) => formatKnown(price.output_usd) },
  {
    name: 'Long requests',
    width: 'minmax(0,1.8fr)',
    secondary: true,
    cell: ({ long_context }) => (
      <span className="text-muted">
        {long_context.length === 0
          ? '–'
          : long_context
              .map(
                (one) =>
                  `above ${formatShort(one.above_input_tokens)}: ${formatKnown(one.input_usd)} in, ${formatKnown(one.output_usd)} out`,
              )
              .join('; ')}
      </span>
    ),
  },
]
