import type { InspectedRequest, StoredUsageEvent } from '../../api/types.ts'
import { formatDuration, formatMoney, formatNumber, formatTime, formatUtc } from '../../lib/format.ts'
import { Badge, Environment } from '../../ui/badge.tsx'
import { Code, CodeBlock } from '../../ui/copy.tsx'
import { Card, Facts, Section } from '../../ui/layout.tsx'
import { Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { EventCorrection, VoidEvent } from '../shared/event-correction.tsx'
import { DeliveryState } from './customer-webhooks.tsx'

interface RequestEventsProps {
  readonly events: readonly StoredUsageEvent[]
  readonly organizationId: string | undefined
}

/** The events that were counted: the verification, and reports that name it. */
export const RequestEvents = ({ events, organizationId }: RequestEventsProps) => (
  <Section title={events.length === 1 ? 'Usage event' : `Usage events (${events.length})`} intro="What was counted.">
    {events.map((event) => (
      <Card key={event.id} className="flex flex-col gap-3">
        <Event event={event} />
        <EventCorrection event={event} />
        {organizationId && (
          <div>
            <VoidEvent event={event} organizationId={organizationId} />
          </div>
        )}
      </Card>
    ))}
  </Section>
)

/** A fact that is left out where there is nothing to say. */
const text = (name: string, value: string | null) => (value ? [[name, value] as const] : [])

/** Nothing is said of the cost of what had neither a model nor a price. */
function cost({ cost_usd, model }: StoredUsageEvent): string | null {
  if (cost_usd === null) return model ? 'No known price' : null
  return Number(cost_usd) > 0 ? formatMoney(cost_usd) : null
}

function Event({ event }: { readonly event: StoredUsageEvent }) {
  const amounts = [
    ['API calls', event.api_calls],
    ['Queries', event.queries],
    ['Input tokens', event.input_tokens],
    ['Output tokens', event.output_tokens],
    ['Cached tokens', event.cached_tokens],
  ] as const
  return (
    <>
      <Facts
        facts={[
          ['When', `${formatTime(event.occurred_at)} · ${formatUtc(event.occurred_at)}`],
          ['Id', <Code>{event.id}</Code>],
          [
            'Request',
            <span className="inline-flex flex-wrap items-center gap-2">
              <code className="font-mono text-small">
                {event.method} {event.endpoint}
              </code>
              <Badge>{event.status_code}</Badge>
              {event.environment && <Environment name={event.environment} />}
            </span>,
          ],
          ...(event.response_time_ms === null
            ? []
            : [['Response time', formatDuration(event.response_time_ms)] as const]),
          [
            'Counted',
            amounts.flatMap(([name, amount]) => (amount ? [`${name}: ${formatNumber(amount)}`] : [])).join(' · ') ||
              'Nothing toward a quota',
          ],
          ...text('Model', [event.provider, event.model].filter(Boolean).join(' · ')),
          ...text('Cost', cost(event)),
          ...text('Route', event.route),
          ...text('Error', [event.error_code, event.error_message].filter(Boolean).join(': ')),
          ...text('Address', event.ip),
          ...text('User agent', event.user_agent),
        ]}
      />
      {event.metadata && <CodeBlock label="metadata" code={JSON.stringify(event.metadata, null, 2)} />}
    </>
  )
}

export const RequestDeliveries = ({ deliveries }: { readonly deliveries: InspectedRequest['deliveries'] }) => (
  <Section title="Deliveries">
    <Table
      label="Deliveries"
      rows={deliveries}
      rowId={({ id }) => id}
      rowLink={({ organization_id }) => `/operator/customers/${organization_id}?tab=webhooks`}
      empty={null}
      columns={[
        { name: 'Event', cell: ({ type }) => <span className="font-mono text-small">{type}</span> },
        { name: 'State', cell: (one) => <DeliveryState {...one} /> },
        { name: 'Response', numeric: true, cell: ({ status_code }) => status_code ?? '–' },
        { name: 'Attempts', numeric: true, cell: ({ attempts }) => attempts },
        { name: 'Created', cell: ({ created_at }) => <Time at={created_at} /> },
      ]}
    />
  </Section>
)
