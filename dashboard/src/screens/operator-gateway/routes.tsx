import { useRead } from '../../api/hooks.ts'
import type { GatewayRoute } from '../../api/types.ts'
import { Status } from '../../ui/badge.tsx'
import { buttonClass } from '../../ui/button.tsx'
import { Page } from '../../ui/layout.tsx'
import { Link } from '../../ui/link.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { Empty } from '../../ui/states.tsx'
import { type Column, Table } from '../../ui/table.tsx'
import { describeMeter } from './route-form.ts'

export function GatewayRoutes() {
  const { data, error, refetch } = useRead('GET /admin/routes')
  return (
    <Page
      title="Gateway"
      intro="Requests to these addresses are checked and counted here, then forwarded to your API."
      actions={<CreateLink />}
    >
      <Table
        label="Routes"
        rows={data?.data}
        error={error}
        onRetry={() => void refetch()}
        columns={COLUMNS}
        rowId={({ id }) => id}
        rowLink={({ id }) => `/operator/gateway/${id}`}
        rowMenu={({ id, slug }) => <RowMenu name={slug} id={id} />}
        empty={
          <Empty title="No routes yet" action={<CreateLink />}>
            A route puts keys, limits and metering in front of an API without changing it.
          </Empty>
        }
      />
    </Page>
  )
}

const CreateLink = () => (
  <Link to="/operator/gateway/new" className={buttonClass('primary')}>
    Create route
  </Link>
)

const COLUMNS: readonly Column<GatewayRoute>[] = [
  { name: 'Slug', cell: ({ slug }) => slug, width: '10rem' },
  {
    name: 'Upstream',
    cell: ({ upstream }) => <code className="min-w-0 font-mono text-small max-sm:break-all">{upstream}</code>,
  },
  { name: 'Host', cell: ({ match }) => match.host ?? '—', width: '11rem', secondary: true },
  { name: 'Counts', cell: ({ meter }) => describeMeter(meter), width: '9rem', secondary: true },
  {
    name: 'Status',
    width: '7rem',
    cell: ({ is_enabled }) => (is_enabled ? <Status kind="good">On</Status> : <Status kind="off">Off</Status>),
  },
]
