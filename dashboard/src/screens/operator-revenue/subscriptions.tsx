import { type Row, useList } from '../../api/hooks.ts'
import { formatDate, formatName } from '../../lib/format.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { Status, type StatusKind } from '../../ui/badge.tsx'
import { Code } from '../../ui/copy.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { FilterSelect, Filters } from '../../ui/filters.tsx'
import { Facts, Page } from '../../ui/layout.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { Empty } from '../../ui/states.tsx'
import { type Column, listProps, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { CustomerFilter } from '../operator-customers/customer-filter.tsx'
import { CustomerLink } from '../shared/customer-link.tsx'
import { useChosen } from '../shared/use-chosen.ts'
import { PROVIDERS, providerName, setFilters } from './provider.ts'

type Subscription = Row<'GET /admin/subscriptions'>
type State = Subscription['status']

const STATES: Readonly<Record<State, readonly [StatusKind, string]>> = {
  active: ['good', 'Active'],
  trialing: ['good', 'In trial'],
  past_due: ['bad', 'Past due'],
  unpaid: ['bad', 'Unpaid'],
  incomplete: ['waiting', 'Incomplete'],
  paused: ['off', 'Paused'],
  canceled: ['ended', 'Canceled'],
}
const DEFAULTS = { status: '', provider: '', plan: '', organization_id: '' }

export function Subscriptions() {
  const [state, change] = useSearchState(DEFAULTS)
  const list = useList('GET /admin/subscriptions', { query: { limit: 50, ...setFilters(state) } })
  const [chosen, choose] = useChosen(list.rows)
  const isFiltered = Object.values(state).some(Boolean)
  return (
    <Page title="Subscriptions" intro="What customers bought, as last reported by the payment providers, newest first.">
      <Filters>
        <FilterSelect
          label="Status"
          value={state.status}
          options={[['', 'All'], ...Object.entries(STATES).map(([value, [, name]]) => [value, name] as const)]}
          onChange={(status) => change({ status })}
        />
        <FilterSelect
          label="Provider"
          value={state.provider}
          options={PROVIDERS}
          onChange={(provider) => change({ provider })}
        />
        <CustomerFilter value={state.organization_id} onChange={(id) => change({ organization_id: id })} />
      </Filters>
      <Table
        {...listProps(list)}
        label="Subscriptions"
        columns={COLUMNS}
        rowId={({ id }) => id}
        onOpen={choose}
        rowMenu={(row) => <RowMenu name={row.provider_subscription_id} id={row.id} />}
        empty={<Empty title="No subscriptions yet">They appear as soon as a customer buys a plan.</Empty>}
        onClearFilters={isFiltered ? () => change(DEFAULTS) : undefined}
      />
      {chosen && <Panel row={chosen} onClose={() => choose()} />}
    </Page>
  )
}

function State({ status }: { readonly status: State }) {
  const [kind, name] = STATES[status]
  return <Status kind={kind}>{name}</Status>
}

const COLUMNS: readonly Column<Subscription>[] = [
  { name: 'Plan', cell: ({ plan }) => formatName(plan), width: '7rem' },
  { name: 'Customer', cell: ({ organization_id }) => <CustomerLink id={organization_id} /> },
  { name: 'Status', cell: ({ status }) => <State status={status} />, width: '8rem' },
  { name: 'Provider', cell: ({ provider }) => providerName(provider), width: '6rem', secondary: true },
  {
    name: 'Period ends',
    cell: ({ current_period_end }) => (current_period_end ? formatDate(current_period_end) : '–'),
    width: '8rem',
  },
  {
    name: 'After that',
    cell: ({ cancel_at_period_end, pending_plan }) =>
      cancel_at_period_end ? 'Ends' : pending_plan ? formatName(pending_plan) : 'Renews',
    width: '6rem',
    secondary: true,
  },
]

function Panel({ row, onClose }: { readonly row: Subscription; readonly onClose: () => void }) {
  return (
    <Dialog open onClose={onClose} title={`${formatName(row.plan)} at ${providerName(row.provider)}`} side>
      <Facts
        facts={[
          ['Customer', <CustomerLink key="customer" id={row.organization_id} />],
          ['Status', <State key="status" status={row.status} />],
          ['Determines the plan', row.is_current ? 'Yes' : 'No'],
          ['Period began', <Time key="start" at={row.current_period_start} />],
          ['Period ends', <Time key="end" at={row.current_period_end} />],
          ['Trial ends', <Time key="trial" at={row.trial_end} />],
          ['Payment failing since', <Time key="due" at={row.past_due_since} />],
          ['Next plan', row.pending_plan ? formatName(row.pending_plan) : '–'],
          ['Subscription', <Code key="subscription">{row.provider_subscription_id}</Code>],
          ['Payer', <Code key="payer">{row.provider_customer_id}</Code>],
          ['Id', <Code key="id">{row.id}</Code>],
          ['Last changed', <Time key="updated" at={row.updated_at} />],
        ]}
      />
    </Dialog>
  )
}
