import { type Row, useChange, useList } from '../../api/hooks.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { Status, type StatusKind } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Code } from '../../ui/copy.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { FilterSelect, Filters, FilterText } from '../../ui/filters.tsx'
import { Facts, Page } from '../../ui/layout.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Empty } from '../../ui/states.tsx'
import { type Column, listProps, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { CustomerLink } from '../shared/customer-link.tsx'
import { useChosen } from '../shared/use-chosen.ts'
import { PROVIDERS, providerName, setFilters } from './provider.ts'

type ProviderEvent = Row<'GET /admin/billing/events'>

const STATES: Readonly<Record<ProviderEvent['state'], readonly [StatusKind, string]>> = {
  received: ['waiting', 'Received'],
  processing: ['waiting', 'Processing'],
  done: ['good', 'Done'],
  failed: ['bad', 'Failed'],
}
const DEFAULTS = { state: '', provider: '', type: '', organization_id: '' }

export function ProviderEvents() {
  const [state, change] = useSearchState(DEFAULTS)
  const list = useList('GET /admin/billing/events', { query: { limit: 50, ...setFilters(state) } })
  const [chosen, choose] = useChosen(list.rows)
  const isFiltered = Object.values(state).some(Boolean)
  return (
    <Page title="Provider events" intro="Events from Polar and Stripe and their outcomes, newest first.">
      <Filters>
        <FilterSelect
          label="State"
          value={state.state}
          options={[['', 'All'], ...Object.entries(STATES).map(([value, [, name]]) => [value, name] as const)]}
          onChange={(value) => change({ state: value })}
        />
        <FilterSelect
          label="Provider"
          value={state.provider}
          options={PROVIDERS}
          onChange={(provider) => change({ provider })}
        />
        <FilterText
          label="Type"
          value={state.type}
          placeholder="subscription.updated"
          onChange={(type) => change({ type })}
        />
      </Filters>
      <Table
        {...listProps(list)}
        label="Provider events"
        columns={COLUMNS}
        rowId={({ id }) => id}
        onOpen={choose}
        rowMenu={({ id, type }) => <RowMenu name={type} id={id} />}
        empty={<Empty title="No events yet">They appear as soon as a provider sends one.</Empty>}
        onClearFilters={isFiltered ? () => change(DEFAULTS) : undefined}
      />
      {chosen && <Panel event={chosen} onClose={() => choose()} />}
    </Page>
  )
}

function State({ state }: { readonly state: ProviderEvent['state'] }) {
  const [kind, name] = STATES[state]
  return <Status kind={kind}>{name}</Status>
}

const COLUMNS: readonly Column<ProviderEvent>[] = [
  { name: 'Type', cell: ({ type }) => type, width: 'minmax(0,1.3fr)' },
  { name: 'Customer', cell: ({ organization_id }) => <CustomerLink id={organization_id} /> },
  { name: 'State', cell: ({ state }) => <State state={state} />, width: '7rem' },
  { name: 'Outcome', cell: ({ outcome }) => outcome ?? '–', width: '8rem', secondary: true },
  { name: 'Provider', cell: ({ provider }) => providerName(provider), width: '6rem', secondary: true },
  { name: 'Received', cell: ({ received_at }) => <Time at={received_at} />, width: '8rem' },
]

function Panel({ event, onClose }: { readonly event: ProviderEvent; readonly onClose: () => void }) {
  const { mutate, error, isPending } = useChange('POST /admin/billing/events/{id}/replay')
  return (
    <Dialog open onClose={onClose} title={event.type} side>
      <Facts
        facts={[
          ['Customer', <CustomerLink key="customer" id={event.organization_id} />],
          ['State', <State key="state" state={event.state} />],
          ['Outcome', event.outcome ?? '–'],
          ['Error', event.error ?? '–'],
          ['Attempts', event.attempts],
          ['Happened', <Time key="occurred" at={event.occurred_at} />],
          ['Received', <Time key="received" at={event.received_at} />],
          ['Processed', <Time key="processed" at={event.processed_at} />],
          [`At ${providerName(event.provider)}`, <Code key="event">{event.event_id}</Code>],
          ['Id', <Code key="id">{event.id}</Code>],
        ]}
      />
      <ErrorNotice error={error} />
      <Actions>
        <Button
          look="primary"
          busy={isPending}
          onClick={() => mutate({ params: { id: event.id } }, { onSuccess: () => toast('Event processed again') })}
        >
          Replay
        </Button>
      </Actions>
    </Dialog>
  )
}
