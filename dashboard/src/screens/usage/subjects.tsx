import { Suspense, useState } from 'react'
import { useList } from '../../api/hooks.ts'
import type { UsageOfSubjects } from '../../api/types.ts'
import { formatNumber, formatPercent } from '../../lib/format.ts'
import { useMay } from '../../shell/session-context.tsx'
import { Button } from '../../ui/button.tsx'
import { Section } from '../../ui/layout.tsx'
import { lazyPart } from '../../ui/lazy-part.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { type Column, listProps, Table } from '../../ui/table.tsx'
import { Share } from './breakdown.tsx'
import { describeCost, describeMeasure, type Measure } from './measures.ts'
import { meterName, type OwnMeters } from './meters.ts'
import type { Span } from './range.ts'

/** Loaded when somebody is to be erased. */
const EraseSubject = lazyPart(async () => (await import('./erase-subject.tsx')).EraseSubject)

type Sums = UsageOfSubjects['data'][number]
type Row = Omit<Sums, 'subject'> & { readonly id: string; readonly name: string; readonly subject?: string }

interface SubjectsProps {
  readonly span: Span
  readonly measure: Measure
  /** Whose they are, where the operator looks at them; they erase nobody. */
  readonly customer?: string
  /** Meters of the operator's: counters that somebody used have a column. */
  readonly own: OwnMeters
}

const ROWS = 10

/** The users behind the keys: the largest, and exact sums of all others. Nothing where no request names a subject. */
export function Subjects({ span, measure, customer, own }: SubjectsProps) {
  const list = useList('GET /usage/subjects', {
    query: { ...span, order: measure, limit: ROWS, ...(customer && { organization_id: customer }) },
  })
  const [asked, setAsked] = useState<{ readonly subject?: string }>()
  const mayErase = useMay('usage:write') && customer === undefined
  const pages = list.data?.pages ?? []
  const last = pages.at(-1)
  if (!last || !(list.rows?.length || last.erased)) return null
  const rows = toRows(list.rows ?? [], last)
  return (
    <Section
      title="By subject"
      actions={mayErase && <Button onClick={() => setAsked({})}>Erase a subject</Button>}
      intro={`The users behind ${customer === undefined ? 'your' : "the customer's"} keys, in whole days (UTC). Shares are of ${describeMeasure(measure, own)}.`}
    >
      <Table
        label="Usage by subject"
        {...listProps(list)}
        columns={[...COLUMNS, ...listOwn(rows, measure, own)]}
        rows={rows}
        rowId={({ id }) => id}
        empty={null}
        {...(mayErase && { rowMenu: ({ subject }: Row) => subject !== undefined && menu(subject, setAsked) })}
      />
      {asked && (
        <Suspense>
          <EraseSubject subject={asked.subject} onClose={() => setAsked(undefined)} />
        </Suspense>
      )}
    </Section>
  )
}

const menu = (subject: string, ask: (asked: { readonly subject: string }) => void) => (
  <RowMenu
    name={subject}
    id={subject}
    items={[{ label: 'Erase subject', destructive: true, onSelect: () => ask({ subject }) }]}
  />
)

/** @param last the last page: what is left after it */
function toRows(listed: readonly Sums[], { other, erased, unnamed }: UsageOfSubjects): Row[] {
  return [
    ...listed.map((one) => ({ ...one, id: `subject ${one.subject}`, name: one.subject })),
    ...(other ? [{ ...other, id: 'other', name: `${formatNumber(other.subjects)} others` }] : []),
    ...(erased ? [{ ...erased, id: 'erased', name: 'Erased' }] : []),
    ...(unnamed ? [{ ...unnamed, id: 'unnamed', name: 'No subject' }] : []),
  ]
}

/** So many fit beside the others. */
const MAX_OWN_METERS = 3

/** That which orders comes first. */
function listOwn(rows: readonly Row[], measure: Measure, own: OwnMeters): Column<Row>[] {
  const used = new Set(rows.flatMap(({ quantities }) => Object.keys(quantities)))
  const isMeasure = (slug: string) => Number(slug !== measure)
  return [...used]
    .toSorted((a, b) => isMeasure(a) - isMeasure(b) || (a < b ? -1 : 1))
    .slice(0, MAX_OWN_METERS)
    .map((slug) => ({
      name: meterName(slug, own),
      numeric: true,
      secondary: true,
      cell: ({ quantities }) => formatNumber(quantities[slug] ?? 0),
    }))
}

const COLUMNS: Column<Row>[] = [
  { name: 'Subject', width: 'minmax(0,2fr)', cell: ({ name }) => <span title={name}>{name}</span> },
  { name: 'Share', width: 'minmax(9rem,1fr)', cell: ({ share }) => <Share share={share} /> },
  { name: 'Requests', numeric: true, cell: ({ requests }) => formatNumber(requests) },
  {
    name: 'Failed',
    numeric: true,
    cell: ({ requests, errors }) => (requests === 0 ? '–' : formatPercent(Math.min(1, errors / requests))),
  },
  { name: 'Tokens', numeric: true, secondary: true, cell: ({ tokens }) => formatNumber(tokens) },
  { name: 'Cost', numeric: true, cell: describeCost },
]
