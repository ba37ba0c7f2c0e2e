import { useChange, useList } from '../../api/hooks.ts'
import type { AdminDelivery, WebhookEndpoint } from '../../api/types.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { Status, type StatusKind } from '../../ui/badge.tsx'
import { FilterSelect } from '../../ui/filters.tsx'
import { Section } from '../../ui/layout.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { Empty } from '../../ui/states.tsx'
import { listProps, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'

export function CustomerWebhooks({ id }: { readonly id: string }) {
  const list = useList('GET /webhook-endpoints', { query: { organization_id: id, limit: 50 } })
  return (
    <>
      <Section title="Endpoints">
        <Table
          {...listProps(list)}
          label="Webhook endpoints"
          rowId={(one) => one.id}
          empty={<Empty title="No endpoints yet">This customer has not added any endpoints.</Empty>}
          columns={[
            { name: 'Address', width: 'minmax(0,2fr)', cell: ({ url }) => <span title={url}>{url}</span> },
            {
              name: 'Events',
              cell: ({ events }) => (
                <span title={events.join(', ')}>{events.length === 0 ? 'All' : events.length}</span>
              ),
            },
            { name: 'Status', width: '12rem', cell: EndpointStatus },
            { name: 'Created', width: '8rem', cell: ({ created_at }) => <Time at={created_at} /> },
          ]}
          rowMenu={(one) => <RowMenu name={one.url} id={one.id} />}
        />
      </Section>
      <Deliveries id={id} />
    </>
  )
}

function EndpointStatus({ is_active, disabled_reason, failed_events }: WebhookEndpoint) {
  if (!is_active)
    return (
      <span title={disabled_reason ?? undefined}>
        <Status kind="off">{disabled_reason === null ? 'Disabled' : 'Auto-disabled'}</Status>
      </span>
    )
  if (failed_events > 0) return <Status kind="warn">{failed_events} failed in a row</Status>
  return <Status kind="good">On</Status>
}

const STATES = [
  ['', 'Any state'],
  ['pending', 'Pending'],
  ['delivered', 'Delivered'],
  ['failed', 'Failed'],
] as const

const KINDS: Readonly<Record<AdminDelivery['state'], readonly [StatusKind, string]>> = {
  pending: ['waiting', 'Pending'],
  delivered: ['good', 'Delivered'],
  failed: ['bad', 'Failed'],
}

export function DeliveryState({ state }: Pick<AdminDelivery, 'state'>) {
  const [kind, name] = KINDS[state]
  return <Status kind={kind}>{name}</Status>
}

function Deliveries({ id }: { readonly id: string }) {
  const [{ state }, change] = useSearchState({ tab: 'usage', state: '' })
  const query = { organization_id: id, limit: 30, ...(state && { state: state as 'failed' }) }
  const list = useList('GET /admin/deliveries', { query })
  const { mutate } = useChange('POST /admin/deliveries/{id}/resend')
  const resend = ({ id: delivery, type }: AdminDelivery) =>
    mutate(
      { params: { id: delivery } },
      {
        onSuccess: () => toast('Sent again', type),
        onError: ({ message }) => toast('Not sent', message),
      },
    )
  return (
    <Section
      title="Deliveries"
      actions={
        <FilterSelect label="State" value={state} options={STATES} onChange={(next) => change({ state: next })} />
      }
    >
      <Table
        {...listProps(list)}
        label="Deliveries"
        rowId={(one) => one.id}
        empty={<Empty title="No deliveries yet">Deliveries are listed for 30 days.</Empty>}
        onClearFilters={state ? () => change({ state: '' }) : undefined}
        columns={[
          {
            name: 'Event',
            width: 'minmax(0,1.5fr)',
            cell: ({ type }) => <span className="font-mono text-small">{type}</span>,
          },
          {
            name: 'Address',
            width: 'minmax(0,1.5fr)',
            secondary: true,
            cell: ({ url }) => <span title={url}>{url}</span>,
          },
          {
            name: 'State',
            width: '8rem',
            cell: (one) => (
              <span title={one.error ?? undefined}>
                <DeliveryState {...one} />
              </span>
            ),
          },
          { name: 'Response', width: '5rem', numeric: true, cell: ({ status_code }) => status_code ?? '–' },
          { name: 'Attempts', width: '5rem', numeric: true, cell: ({ attempts }) => attempts },
          { name: 'Created', width: '8rem', cell: ({ created_at }) => <Time at={created_at} /> },
        ]}
        rowMenu={(one) => (
          <RowMenu name={one.type} id={one.id} items={[{ label: 'Send again', onSelect: () => resend(one) }]} />
        )}
      />
    </Section>
  )
}
