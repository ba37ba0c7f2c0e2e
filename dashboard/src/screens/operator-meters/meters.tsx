import { useRead } from '../../api/hooks.ts'
import type { Meter } from '../../api/types.ts'
import { formatNumber } from '../../lib/format.ts'
import { buttonClass } from '../../ui/button.tsx'
import { Page } from '../../ui/layout.tsx'
import { Link } from '../../ui/link.tsx'
import { Empty } from '../../ui/states.tsx'
import { type Column, Table } from '../../ui/table.tsx'

export function Meters() {
  const { data, error, refetch } = useRead('GET /admin/meters')
  return (
    <Page
      title="Meters"
      intro="Meters count usage. Plans limit them and charge for usage above the limits. Your own meters count from the moment you define them."
      actions={
        <Link to="/operator/meters/new" className={buttonClass('primary')}>
          Define meter
        </Link>
      }
    >
      <Table
        label="Meters"
        rows={data?.data}
        error={error}
        onRetry={() => void refetch()}
        columns={COLUMNS}
        rowId={({ slug }) => slug}
        rowLink={({ slug }) => `/operator/meters/${slug}`}
        empty={<Empty title="No meters yet" />}
      />
    </Page>
  )
}

export const KINDS = { counter: 'Adds up', gauge: 'A level' } as const

const COLUMNS: readonly Column<Meter>[] = [
  { name: 'Name', cell: ({ name }) => name },
  { name: 'Slug', cell: ({ slug }) => <code className="font-mono text-small">{slug}</code>, width: '11rem' },
  { name: 'Kind', cell: ({ kind }) => KINDS[kind], width: '7rem', secondary: true },
  { name: 'Unit', cell: ({ unit }) => unit, width: '8rem', secondary: true },
  { name: 'Decimals', cell: ({ scale }) => formatNumber(scale), width: '6rem', numeric: true, secondary: true },
  { name: 'Defined by', cell: ({ is_builtin }) => (is_builtin ? 'Tollgate' : 'You'), width: '7rem' },
]
