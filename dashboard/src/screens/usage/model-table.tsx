import { useRead } from '../../api/hooks.ts'
import { formatNumber } from '../../lib/format.ts'
import { useMay } from '../../shell/session-context.tsx'
import { Section } from '../../ui/layout.tsx'
import { useGo } from '../../ui/link.tsx'
import { Empty } from '../../ui/states.tsx'
import { type Column, Table } from '../../ui/table.tsx'
import { Share } from './breakdown.tsx'
import { describeCost, dimensionName, groupName, type Sums } from './measures.ts'
import { lengthInDays, type Span } from './range.ts'

type Row = Sums & { readonly value: string; readonly name: string; readonly share: number | null }

interface ModelTableProps {
  readonly span: Span
  readonly by: 'model' | 'provider'
  readonly measure: 'cost_usd' | 'tokens'
}

/** Tokens and cost of each model or provider. A row leads to its events. */
export function ModelTable({ span, by, measure }: ModelTableProps) {
  const go = useGo()
  const mayOpen = useMay('usage:events') && lengthInDays(span) <= 35
  const { data, error, refetch } = useRead('GET /usage/breakdown', {
    query: { ...span, by, order: measure, limit: 100 },
  })
  const rows: Row[] | undefined = (data?.by === by ? data : undefined)?.data.flatMap((group) =>
    group.value === null ? [] : [{ ...group, value: group.value, name: groupName(group, by) }],
  )
  return (
    <Section
      title={`By ${by}`}
      intro={`Shares are of ${measure === 'tokens' ? 'tokens' : 'cost'}.${mayOpen ? ' Select a row to see its events.' : ''}`}
    >
      <Table
        label={`Cost by ${by}`}
        columns={columns(dimensionName(by))}
        rows={rows}
        rowId={({ value }) => value}
        {...(mayOpen && { onOpen: ({ value }: Row) => go('/events', { range: '35d', [by]: value }) })}
        error={error}
        onRetry={() => void refetch()}
        empty={
          <Empty title="No models in this range">
            {'Events reported with a model appear here with their tokens and cost.'}
          </Empty>
        }
      />
    </Section>
  )
}

const columns = (first: string): Column<Row>[] => [
  { name: first, width: 'minmax(0,1.6fr)', cell: ({ name }) => <span title={name}>{name}</span> },
  { name: 'Share', width: 'minmax(8rem,1fr)', secondary: true, cell: ({ share }) => <Share share={share} /> },
  { name: 'Requests', numeric: true, secondary: true, cell: ({ requests }) => formatNumber(requests) },
  { name: 'Input', numeric: true, cell: ({ input_tokens }) => formatNumber(input_tokens) },
  { name: 'Cached', numeric: true, cell: ({ cached_tokens }) => formatNumber(cached_tokens) },
  { name: 'Output', numeric: true, cell: ({ output_tokens }) => formatNumber(output_tokens) },
  {
    name: 'Unpriced',
    numeric: true,
    cell: ({ unpriced }) => (unpriced > 0 ? <span className="text-warn">{formatNumber(unpriced)}</span> : '–'),
  },
  { name: 'Cost', numeric: true, cell: describeCost },
]
