import { useState } from 'react'
import { useList } from '../../api/hooks.ts'
import type { AdminUser } from '../../api/types.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { Badge, Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { FilterSelect, Filters, FilterText } from '../../ui/filters.tsx'
import { Page } from '../../ui/layout.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { Empty } from '../../ui/states.tsx'
import { listProps, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { CreateUser } from './create-user.tsx'
import { planOptions, usePlans } from './plans.ts'

const DEFAULTS = { search: '', active: '', verified: '', factor: '', plan: '' }
const ACTIVE = [
  ['', 'Any account'],
  ['true', 'Active'],
  ['false', 'Disabled'],
] as const
const VERIFIED = [
  ['', 'Any email'],
  ['true', 'Confirmed'],
  ['false', 'Not confirmed'],
] as const
const FACTOR = [
  ['', 'On or off'],
  ['true', 'On'],
  ['false', 'Off'],
] as const

const toQuery = ({ search, active, verified, factor, plan }: typeof DEFAULTS) => ({
  ...(search && { search }),
  ...(active && { is_active: active === 'true' }),
  ...(verified && { is_verified: verified === 'true' }),
  ...(factor && { two_factor_enabled: factor === 'true' }),
  ...(plan && { plan }),
  limit: 50,
})

export function Users() {
  const [state, change] = useSearchState(DEFAULTS)
  const [isCreating, setIsCreating] = useState(false)
  const { plans } = usePlans()
  const list = useList('GET /admin/users', { query: toQuery(state) })
  return (
    <Page
      title="Users"
      actions={
        <Button look="primary" onClick={() => setIsCreating(true)}>
          Create user
        </Button>
      }
    >
      <Filters>
        <FilterText
          label="Search"
          placeholder="Email or name"
          value={state.search}
          onChange={(search) => change({ search })}
        />
        <FilterSelect label="Account" value={state.active} options={ACTIVE} onChange={(active) => change({ active })} />
        <FilterSelect
          label="Email"
          value={state.verified}
          options={VERIFIED}
          onChange={(verified) => change({ verified })}
        />
        <FilterSelect
          label="Second factor"
          value={state.factor}
          options={FACTOR}
          onChange={(factor) => change({ factor })}
        />
        <FilterSelect
          label="Plan"
          value={state.plan}
          options={planOptions(plans)}
          isReadLater
          onChange={(plan) => change({ plan })}
        />
      </Filters>
      <Table
        {...listProps(list)}
        label="Users"
        rowId={({ id }) => id}
        rowLink={({ id }) => `/operator/users/${id}`}
        rowMenu={({ id, email }) => <RowMenu name={email} id={id} />}
        onClearFilters={Object.values(state).some(Boolean) ? () => change(DEFAULTS) : undefined}
        empty={<Empty title="No users yet">People who sign up and people you create appear here.</Empty>}
        columns={[
          { name: 'Email', width: 'minmax(0,2fr)', cell: ({ email }) => email },
          { name: 'Name', secondary: true, cell: ({ name }) => name ?? <span className="text-muted">–</span> },
          { name: 'Organizations', width: 'minmax(0,1.5fr)', cell: Organizations },
          { name: 'Account', width: '8rem', cell: (user) => <AccountStatus {...user} /> },
          {
            name: 'Second factor',
            width: '7rem',
            secondary: true,
            cell: ({ two_factor_enabled }) => (two_factor_enabled ? 'On' : <span className="text-muted">Off</span>),
          },
          { name: 'Created', width: '8rem', cell: ({ created_at }) => <Time at={created_at} /> },
        ]}
      />
      <CreateUser open={isCreating} onClose={() => setIsCreating(false)} />
    </Page>
  )
}

function Organizations({ organizations }: AdminUser) {
  const names = organizations.map(({ name }) => name).join(', ')
  return names ? <span title={names}>{names}</span> : <span className="text-muted">None</span>
}

export function AccountStatus({ is_active, is_verified, is_administrator }: Omit<AdminUser, 'id'>) {
  if (!is_active) return <Status kind="bad">Disabled</Status>
  if (is_administrator) return <Badge strong>Administrator</Badge>
  return is_verified ? <Status kind="good">Active</Status> : <Status kind="waiting">Unconfirmed</Status>
}
