import { useRead } from '../../api/hooks.ts'
import type { Plan } from '../../api/types.ts'
import { formatNumber, formatPrice, formatShort } from '../../lib/format.ts'
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
      intro="The plans customers can be on. Paying customers keep their version until you move them."
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

/** The first price, and how many there are beside it. */
export function describePrice({ prices: [first, ...others] }: Pick<Plan, 'prices'>): string {
  if (!first || first.amount_cents === null) return 'On request'
  const text = `${formatPrice(first.amount_cents, first.currency)} a ${first.interval}`
  return others.length === 0 ? text : `${text}, ${others.length} more`
}

const COLUMNS: readonly Column<Plan>[] = [
  { name: 'Name', cell: ({ name }) => name },
  { name: 'Price', cell: describePrice, width: '11rem' },
  {
    name: 'API calls',
    cell: ({ limits }) => describeLimit(limits.meters.api_calls?.limit),
    width: '7rem',
    numeric: true,
  },
  {
    name: 'Rate per minute',
    cell: ({ limits }) => formatNumber(limits.rate_limit_per_minute),
    width: '8rem',
    numeric: true,
    secondary: true,
  },
  { name: 'Sold by', cell: sellers, width: '8rem', secondary: true },
  { name: 'Customers', cell: (plan) => formatNumber(plan.organization_count), width: '6rem', numeric: true },
  {
    name: 'Offered',
    width: '9.5rem',
    secondary: true,
    cell: ({ is_public }) =>
      is_public ? <Status kind="good">In the catalog</Status> : <Status kind="off">Hidden</Status>,
  },
]

/** Where the plan is linked to something that can be bought. */
function sellers({ prices }: Plan) {
  const names = [
    prices.some((price) => price.polar_product_id) && 'Polar',
    prices.some((price) => price.stripe_price_id) && 'Stripe',
  ].filter(Boolean)
  return names.join(', ') || <span className="text-muted">–</span>
}

const describeLimit = (limit: number | null | undefined) => (limit == null ? 'No limit' : formatShort(limit))
