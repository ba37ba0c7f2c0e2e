import { useRead } from '../../api/hooks.ts'
import type { Plan } from '../../api/types.ts'
import { formatMoney, formatNumber, formatShort } from '../../lib/format.ts'
import { Status } from '../../ui/badge.tsx'
import { buttonClass } from '../../ui/button.tsx'
import { Page } from '../../ui/layout.tsx'
import { Link } from '../../ui/link.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { Empty } from '../../ui/states.tsx'
import { type Column, Table } from '../../ui/table.tsx'

export function Plans() {
  const { data, error, refetch } = useRead('GET /admin/plans')
  return (
    <Page
      title="Plans"
      intro="What customers can be on. A change takes effect for all of them within two seconds."
      actions={
        <Link to="/operator/plans/new" className={buttonClass('primary')}>
          Create plan
        </Link>
      }
    >
      <Table
        label="Plans"
        rows={data?.data}
        error={error}
        onRetry={() => void refetch()}
        columns={COLUMNS}
        rowId={({ id }) => id}
        rowLink={({ id }) => `/operator/plans/${id}`}
        rowMenu={({ id, name }) => <RowMenu name={name} id={id} />}
        empty={<Empty title="No plans yet" />}
      />
    </Page>
  )
}

export const describePrice = ({ price_per_month_cents }: Pick<Plan, 'price_per_month_cents'>): string =>
  price_per_month_cents === null ? 'On request' : formatMoney(price_per_month_cents / 100)

const COLUMNS: readonly Column<Plan>[] = [
  { name: 'Name', cell: ({ name }) => name },
  { name: 'Price a month', cell: describePrice, width: '8rem', numeric: true },
  {
    name: 'API calls',
    cell: ({ limits }) => describeLimit(limits.meters.api_calls?.limit),
    width: '7rem',
    numeric: true,
  },
  {
    name: 'Rate a minute',
    cell: ({ limits }) => formatNumber(limits.rate_limit_per_minute),
    width: '8rem',
    numeric: true,
    secondary: true,
  },
  { name: 'Customers', cell: (plan) => formatNumber(plan.organization_count), width: '6rem', numeric: true },
  {
    name: 'Offered',
    width: '8rem',
    secondary: true,
    cell: ({ is_public }) =>
      is_public ? <Status kind="good">In the catalogue</Status> : <Status kind="off">Hidden</Status>,
  },
]

const describeLimit = (limit: number | null | undefined) => (limit == null ? 'No limit' : formatShort(limit))
