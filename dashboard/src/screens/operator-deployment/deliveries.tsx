import { useChange, useList } from '../../api/hooks.ts'
import type { AdminDelivery } from '../../api/types.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { FilterSelect, Filters, FilterText } from '../../ui/filters.tsx'
import { Page } from '../../ui/layout.tsx'
import { Empty } from '../../ui/states.tsx'
import { toast } from '../../ui/toast.tsx'
import { CustomerFilter } from '../operator-customers/customer-filter.tsx'
import { CustomerLink } from '../shared/customer-link.tsx'
import { Deliveries } from '../shared/webhooks/deliveries.tsx'

const STATES = [
  ['', 'All'],
  ['pending', 'Pending'],
  ['delivered', 'Delivered'],
  ['failed', 'Failed'],
] as const
const DEFAULTS = { state: '', type: '', organization_id: '' }

export function AllDeliveries() {
  const [{ state, type, organization_id }, change] = useSearchState(DEFAULTS)
  const list = useList('GET /admin/deliveries', {
    query: {
      limit: 50,
      ...(state && { state: state as AdminDelivery['state'] }),
      ...(type && { type }),
      ...(organization_id && { organization_id }),
    },
  })
  const { mutate, isPending, error } = useChange('POST /admin/deliveries/{id}/resend')
  const isFiltered = [state, type, organization_id].some(Boolean)
  return (
    <Page title="Deliveries" intro="Events for the endpoints of all customers, newest first.">
      <Filters>
        <FilterSelect label="State" value={state} options={STATES} onChange={(value) => change({ state: value })} />
        <FilterText
          label="Event"
          value={type}
          placeholder="key.created"
          onChange={(value) => change({ type: value })}
        />
        <CustomerFilter value={organization_id} onChange={(id) => change({ organization_id: id })} />
      </Filters>
      <Deliveries
        list={list}
        columns={[
          { name: 'Customer', cell: (item: AdminDelivery) => <CustomerLink id={item.organization_id} /> },
          { name: 'Endpoint', cell: ({ url }: AdminDelivery) => url, secondary: true },
        ]}
        facts={({ url, organization_id: id }) => [
          ['Customer', <CustomerLink key="customer" id={id} />],
          ['Endpoint', url],
        ]}
        resend={{
          busy: isPending,
          error,
          run: ({ id }) => mutate({ params: { id } }, { onSuccess: () => toast('Event is being sent again') }),
        }}
        empty={<Empty title="Nothing sent yet">Events appear here as soon as a customer has an endpoint.</Empty>}
        onClearFilters={isFiltered ? () => change(DEFAULTS) : undefined}
      />
    </Page>
  )
}
