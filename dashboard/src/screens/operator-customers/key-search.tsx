import { useList } from '../../api/hooks.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { FilterSelect, Filters, FilterText } from '../../ui/filters.tsx'
import { Page, Section } from '../../ui/layout.tsx'
import { useGo } from '../../ui/link.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { Empty } from '../../ui/states.tsx'
import { listProps, Table } from '../../ui/table.tsx'
import { CustomerFilter } from './customer-filter.tsx'
import { KEY_COLUMNS } from './key-columns.tsx'
import { KEY_STATUSES } from './key-filters.ts'
import { KeyLookup } from './key-lookup.tsx'

const DEFAULTS = { hint: '', name: '', customer: '', status: '' }

export function KeySearch() {
  const [state, change] = useSearchState(DEFAULTS)
  const { hint, name, customer, status } = state
  const go = useGo()
  const query = {
    limit: 50,
    ...(hint.length > 1 && { hint }),
    ...(name && { name }),
    ...(customer && { organization_id: customer }),
    ...(status && { status: status as 'active' }),
  }
  const list = useList('GET /admin/keys', { query })
  const isFiltered = Object.values(state).some(Boolean)
  return (
    <Page title="Key search">
      <KeyLookup />
      <Section title="Keys of all customers">
        <Filters>
          <FilterText
            label="Hint"
            placeholder="First characters or last four"
            value={hint}
            onChange={(next) => change({ hint: next })}
          />
          <FilterText label="Name" placeholder="Starts with" value={name} onChange={(next) => change({ name: next })} />
          <CustomerFilter value={customer} onChange={(next) => change({ customer: next })} />
          <FilterSelect
            label="Status"
            value={status}
            options={KEY_STATUSES}
            onChange={(next) => change({ status: next })}
          />
        </Filters>
        <Table
          {...listProps(list)}
          label="Keys of all customers"
          rowId={({ id }) => id}
          rowLink={({ id, organization }) => `/operator/keys/${id}?customer=${organization.id}`}
          onClearFilters={isFiltered ? () => change(DEFAULTS) : undefined}
          empty={<Empty title="No keys yet">Keys of all customers appear here.</Empty>}
          columns={[
            { name: 'Name', cell: (key) => key.name },
            { name: 'Customer', cell: ({ organization }) => organization.name },
            ...KEY_COLUMNS,
          ]}
          rowMenu={(key) => (
            <RowMenu
              name={key.name}
              id={key.id}
              items={[
                {
                  label: 'Open customer',
                  onSelect: () => go(`/operator/customers/${key.organization.id}`, { tab: 'keys' }),
                },
              ]}
            />
          )}
        />
      </Section>
    </Page>
  )
}
