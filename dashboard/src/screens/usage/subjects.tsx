import { useRead } from '../../api/hooks.ts'
import type { UsageOfSubjects } from '../../api/types.ts'
import { formatNumber, formatPercent } from '../../lib/format.ts'
import { Section } from '../../ui/layout.tsx'
import { type Column, Table } from '../../ui/table.tsx'
import { Share } from './breakdown.tsx'
import { describeCost, type Measure, measureName } from './measures.ts'
import type { Span } from './range.ts'

type Sums = UsageOfSubjects['data'][number]
type Row = Omit<Sums, 'subject'> & { readonly id: string; readonly name: string }

interface SubjectsProps {
  readonly span: Span
  readonly measure: Measure
}

const ROWS = 10

/** The users behind the keys: the largest, and exact sums of all others. Nothing where no request names a subject. */
export function Subjects({ span, measure }: SubjectsProps) {
  const { data } = useRead('GET /usage/subjects', { query: { ...span, order: measure, limit: ROWS } })
  if (!data || (data.data.length === 0 && !data.erased)) return null
  return (
    <Section
      title="By subject"
      intro={`The users behind your keys, in whole days (UTC). Shares are of ${measure === 'api_calls' ? 'API calls' : measureName(measure).toLowerCase()}.`}
    >
      <Table label="Usage by subject" columns={COLUMNS} rows={toRows(data)} rowId={({ id }) => id} empty={null} />
    </Section>
  )
}

function toRows({ data, other, erased, unnamed }: UsageOfSubjects): Row[] {
  return [
    ...data.map((one) => ({ ...one, id: `subject ${one.subject}`, name: one.subject })),
    ...(other ? [{ ...other, id: 'other', name: `${formatNumber(other.subjects)} others` }] : []),
    ...(erased ? [{ ...erased, id: 'erased', name: 'Erased' }] : []),
    ...(unnamed ? [{ ...unnamed, id: 'unnamed', name: 'No subject' }] : []),
  ]
}

const COLUMNS: Column<Row>[] = [
  { name: 'Subject', width: 'minmax(0,2fr)', cell: ({ name }) => <span title={name}>{name}</span> },
  { name: 'Share', width: 'minmax(9rem,1fr)', cell: ({ share }) => <Share share={share} /> },
  { name: 'Requests', numeric: true, cell: ({ requests }) => formatNumber(requests) },
  {
    name: 'Failed',
    numeric: true,
    cell: ({ requests, errors }) => (requests === 0 ? '–' : formatPercent(errors / requests)),
  },
  { name: 'Tokens', numeric: true, secondary: true, cell: ({ tokens }) => formatNumber(tokens) },
  { name: 'Cost', numeric: true, cell: describeCost },
]
