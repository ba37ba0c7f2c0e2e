import { useState } from 'react'
import { useList } from '../../api/hooks.ts'
import type { AdminOrganization } from '../../api/types.ts'
import { formatNumber } from '../../lib/format.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { Badge, Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { FilterSelect, Filters, FilterText } from '../../ui/filters.tsx'
import { Page } from '../../ui/layout.tsx'
import { useGo } from '../../ui/link.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { Empty } from '../../ui/states.tsx'
import { listProps, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { CreateCustomer } from './create-customer.tsx'
import { planOptions, usePlans } from './plans.ts'

const DEFAULTS = { search: '', plan: '', status: '', at_limit: '', idle: '', sort: '-created_at' }
const STATUSES = [
  ['', 'Any status'],
  ['active', 'Active'],
  ['past_due', 'Past due'],
  ['suspended', 'Suspended'],
] as const
const LIMITS = [
  ['', 'Any usage'],
  ['true', 'At a limit'],
  ['false', 'Below all limits'],
] as const
const IDLE = [
  ['', 'Any activity'],
  ['7', 'Idle for 7 days'],
  ['30', 'Idle for 30 days'],
  ['90', 'Idle for 90 days'],
] as const

/** Filters as the address has them, as the operation takes them. */
const toQuery = ({ search, plan, status, at_limit, idle, sort }: typeof DEFAULTS) => ({
  ...(search && { search }),
  ...(plan && { plan }),
  ...(status && { status: status as 'active' }),
  ...(at_limit && { at_limit: at_limit === 'true' }),
  ...(idle && { idle_days: Number(idle) }),
  sort: sort as '-created_at',
  limit: 50,
})

export function Customers() {
  const [state, change] = useSearchState(DEFAULTS)
  const [isCreating, setIsCreating] = useState(false)
  const { plans, planName } = usePlans()
  const go = useGo()
  const list = useList('GET /admin/organizations', { query: toQuery(state) })
  const { sort, ...filters } = state
  const isFiltered = Object.values(filters).some(Boolean)
  const create = (
    <Button look="primary" onClick={() => setIsCreating(true)}>
      Create customer
    </Button>
  )
  return (
    <Page title="Customers" actions={create}>
      <Filters>
        <FilterText
          label="Search"
          placeholder="Name, external id or email"
          value={state.search}
          onChange={(search) => change({ search })}
        />
        <FilterSelect
          label="Plan"
          value={state.plan}
          options={planOptions(plans)}
          isReadLater
          onChange={(plan) => change({ plan })}
        />
        <FilterSelect
          label="Status"
          value={state.status}
          options={STATUSES}
          onChange={(status) => change({ status })}
        />
        <FilterSelect
          label="Limits"
          value={state.at_limit}
          options={LIMITS}
          onChange={(at_limit) => change({ at_limit })}
        />
        <FilterSelect label="Activity" value={state.idle} options={IDLE} onChange={(idle) => change({ idle })} />
      </Filters>
      <Table
        {...listProps(list)}
        label="Customers"
        rowId={({ id }) => id}
        rowLink={({ id }) => `/operator/customers/${id}`}
        rowMenu={({ id, name, external_id }) => (
          <RowMenu
            name={name}
            id={id}
            items={[
              ...(external_id === null
                ? []
                : [
                    {
                      label: 'Copy external id',
                      onSelect: () => void navigator.clipboard.writeText(external_id),
                    },
                  ]),
              { label: 'Open usage', onSelect: () => go('/operator/usage', { customer: id }) },
            ]}
          />
        )}
        sort={sort}
        onSort={(by) => change({ sort: by })}
        onClearFilters={isFiltered ? () => change({ ...DEFAULTS, sort }) : undefined}
        empty={
          <Empty title="No customers yet" action={<Button onClick={() => setIsCreating(true)}>Create customer</Button>}>
            A customer is an organization with its keys, limits and billing. People who sign up create their own.
          </Empty>
        }
        columns={[
          { name: 'Name', sort: 'name', width: 'minmax(0,2fr)', cell: ({ name }) => name },
          { name: 'External id', secondary: true, cell: ExternalId },
          { name: 'Plan', width: '8rem', cell: ({ plan }) => planName(plan) },
          {
            name: 'Status',
            width: '8rem',
            cell: (one) => <CustomerStatus {...one} />,
          },
          { name: 'Members', width: '5rem', numeric: true, cell: ({ member_count }) => formatNumber(member_count) },
          { name: 'Created', sort: 'created_at', width: '8rem', cell: ({ created_at }) => <Time at={created_at} /> },
        ]}
      />
      <CreateCustomer open={isCreating} onClose={() => setIsCreating(false)} plans={plans} />
    </Page>
  )
}

const ExternalId = ({ external_id }: AdminOrganization) =>
  external_id === null ? (
    <span className="text-muted">–</span>
  ) : (
    <span className="font-mono text-small" title={external_id}>
      {external_id}
    </span>
  )

const LOOKS = {
  active: ['good', 'Active'],
  suspended: ['bad', 'Suspended'],
  past_due: ['warn', 'Past due'],
} as const satisfies Readonly<Record<AdminOrganization['status'], readonly [string, string]>>

export function CustomerStatus({ status, is_platform }: Pick<AdminOrganization, 'status' | 'is_platform'>) {
  if (is_platform) return <Badge>Operator</Badge>
  const [kind, name] = LOOKS[status]
  return <Status kind={kind}>{name}</Status>
}
