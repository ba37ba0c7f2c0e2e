import type { ReactNode } from 'react'
import { useRead } from '../../api/hooks.ts'
import type { StoredUsageEvent } from '../../api/types.ts'
import { formatDuration, formatMoney, formatNumber, formatTime, formatUtc } from '../../lib/format.ts'
import { useMay, useSession } from '../../shell/session-context.tsx'
import { Environment } from '../../ui/badge.tsx'
import { Code, CodeBlock, CopyButton } from '../../ui/copy.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Facts, Section } from '../../ui/layout.tsx'
import { Link, textLink } from '../../ui/link.tsx'
import { ErrorNotice, Notice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { EventCorrection, VoidEvent } from '../shared/event-correction.tsx'
import { type FilterName } from './event-filters.ts'
import { beginning } from './event-ranges.ts'
import { EventStatus } from './event-status.tsx'

interface EventPanelProps {
  /** The id of the event that is shown; empty for none. */
  readonly id: string
  /** The event, where the list has it already. */
  readonly known: StoredUsageEvent | undefined
  readonly keyName: string | undefined
  readonly onFilter: (name: FilterName, value: string) => void
  readonly onClose: () => void
}

/** One event with all that is known of it. */
export function EventPanel({ id, known, keyName, onFilter, onClose }: EventPanelProps) {
  const from = beginning('35d')
  const { data, error, refetch, isPlaceholderData } = useRead(
    'GET /usage/events',
    { query: { id, from } },
    { enabled: id !== '' && known === undefined },
  )
  const event = known ?? data?.data.find((one) => one.id === id)
  return (
    <Dialog open={id !== ''} onClose={onClose} title="Event" side>
      {!event && error && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {!event && data && !isPlaceholderData && <Notice>No such event in the last 35 days.</Notice>}
      {!event && (!data || isPlaceholderData) && !error && <Skeleton lines={8} />}
      {event && <Details event={event} keyName={keyName} onFilter={onFilter} />}
    </Dialog>
  )
}

type DetailsProps = Pick<EventPanelProps, 'keyName' | 'onFilter'> & { readonly event: StoredUsageEvent }

function Details({ event, keyName, onFilter }: DetailsProps) {
  const { organizationId } = useSession()
  const json = JSON.stringify(event, null, 2)
  const filtered = (name: FilterName, value: string) => <Filterable name={name} value={value} onFilter={onFilter} />
  return (
    <div className="flex flex-col gap-6">
      <div className="flex flex-wrap gap-2">
        <CopyButton text={json} label="Copy as JSON" />
        <VoidEvent event={event} organizationId={organizationId} />
      </div>
      <EventCorrection event={event} />
      <Facts
        facts={[
          ['Id', <Code key="id">{event.id}</Code>],
          [
            'Time',
            <span
              key="time"
              title={formatUtc(event.occurred_at)}
            >{`${formatTime(event.occurred_at)} (${formatUtc(event.occurred_at)})`}</span>,
          ],
          ['Status', event.status_code ? <EventStatus key="status" event={event} /> : 'Not reported'],
          ...(event.error_code ? [['Error', event.error_code] as const] : []),
          ...(event.error_message ? [['Message', event.error_message] as const] : []),
          ['Endpoint', filtered('endpoint', event.endpoint)],
          ['Method', event.method || '–'],
          ['Duration', event.response_time_ms === null ? 'Not reported' : formatDuration(event.response_time_ms)],
          ['API key', <KeyLink key="key" id={event.key_id} name={keyName} />],
          ['Environment', event.environment ? <Environment key="environment" name={event.environment} /> : '–'],
          ['User', event.user_id ? <Code key="user">{event.user_id}</Code> : '–'],
          ['Address', event.ip ?? '–'],
          ['User agent', event.user_agent ?? '–'],
        ]}
      />
      <Section title="What it counted">
        <Facts
          facts={[
            ['Requests', formatNumber(event.requests)],
            ['API calls', formatNumber(event.api_calls)],
            ['Queries', formatNumber(event.queries)],
            ['Input tokens', inputText(event)],
            ['Output tokens', formatNumber(event.output_tokens)],
            ['Provider', filtered('provider', event.provider)],
            ['Model', filtered('model', event.model)],
            ['Route', filtered('route', event.route)],
            ['Cost', costText(event)],
            ...chargeFact(event),
          ]}
        />
      </Section>
      {event.metadata && Object.keys(event.metadata).length > 0 && (
        <Section title="Metadata">
          <Facts facts={Object.entries(event.metadata).map(([name, value]) => [name, metadataText(value)])} />
        </Section>
      )}
      <Section title="JSON">
        <CodeBlock code={json} label="event as JSON" />
      </Section>
    </div>
  )
}

const inputText = ({ input_tokens, cached_tokens }: StoredUsageEvent) =>
  cached_tokens > 0
    ? `${formatNumber(input_tokens)}, ${formatNumber(cached_tokens)} of them cached`
    : formatNumber(input_tokens)

function costText({ cost_usd, model }: StoredUsageEvent): string {
  if (cost_usd !== null) return formatMoney(cost_usd)
  return model ? 'The model has no known price' : 'None: no model was used'
}

/** Only the operator sees it beside the cost. */
const chargeFact = ({ charge_usd: charge }: StoredUsageEvent) =>
  charge == null ? [] : [['Charge to the customer', formatMoney(charge)] as const]

const metadataText = (value: unknown): ReactNode => (typeof value === 'string' ? value : JSON.stringify(value))

function KeyLink({ id, name }: { readonly id: string | null; readonly name: string | undefined }) {
  const mayRead = useMay('keys:read')
  if (id === null) return <span>None</span>
  if (!mayRead) return <span>{name ?? <Code>{id}</Code>}</span>
  return (
    <Link to={`/keys/${id}`} className={textLink}>
      {name ?? id}
    </Link>
  )
}

interface FilterableProps {
  readonly name: FilterName
  readonly value: string
  readonly onFilter: (name: FilterName, value: string) => void
}

/** A value, with a button that filters events by it. */
function Filterable({ name, value, onFilter }: FilterableProps) {
  if (value === '') return <span>–</span>
  return (
    <span className="inline-flex flex-wrap gap-x-3">
      {value}
      <button type="button" className={textLink} onClick={() => onFilter(name, value)}>
        Filter by this
        <span className="sr-only">{`: ${value}`}</span>
      </button>
    </span>
  )
}
