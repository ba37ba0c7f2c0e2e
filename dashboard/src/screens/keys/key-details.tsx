import { Suspense, useMemo, useState } from 'react'
import { useList, useRead } from '../../api/hooks.ts'
import type { ApiKey, StoredUsageEvent, UsageBreakdownDataItem } from '../../api/types.ts'
import { formatDuration, formatNumber, formatPercent } from '../../lib/format.ts'
import { lazyPart } from '../../ui/lazy-part.tsx'
import { useGo } from '../../ui/link.tsx'
import { Empty } from '../../ui/states.tsx'
import { type Column, listProps, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { AuditTable } from '../shared/audit-table.tsx'
import { fieldOf } from '../usage/event-filters.ts'
import { beginning } from '../usage/event-ranges.ts'
import { EventStatus } from '../usage/event-status.tsx'
import { KeyReservations } from '../usage/reservations.tsx'
import { daysAgo } from './outcomes.ts'

/** Loaded when the first event is opened. */
const EventPanel = lazyPart(async () => (await import('../usage/event-panel.tsx')).EventPanel)

interface DetailsProps {
  readonly id: string
  readonly name: string
}

const DAYS = 30

/** Where a key was used in the last 30 days. */
function KeyEndpoints({ id }: DetailsProps) {
  const from = useMemo(() => daysAgo(DAYS - 1), [])
  const { data, error, refetch } = useRead('GET /usage/breakdown', {
    query: { by: 'endpoint', key_id: id, from, limit: 100 },
  })
  return (
    <Table
      label={`Endpoints in the last ${DAYS} days`}
      columns={ENDPOINTS}
      rows={data?.data}
      rowId={({ value }) => value ?? ''}
      error={error}
      onRetry={() => void refetch()}
      empty={<Empty title={`Not used in ${DAYS} days`}>Endpoints called with the key appear here.</Empty>}
    />
  )
}

const ENDPOINTS: readonly Column<UsageBreakdownDataItem>[] = [
  { name: 'Endpoint', cell: ({ value }) => value ?? 'No endpoint' },
  { name: 'Requests', numeric: true, width: '7rem', cell: ({ requests }) => formatNumber(requests) },
  { name: 'Share', numeric: true, width: '5rem', cell: ({ share }) => (share === null ? '–' : formatPercent(share)) },
  { name: 'Errors', numeric: true, width: '6rem', cell: ({ errors }) => formatNumber(errors) },
  {
    name: 'p95',
    numeric: true,
    width: '6rem',
    secondary: true,
    cell: ({ p95_response_time_ms: ms }) => (ms === null ? '–' : formatDuration(ms)),
  },
]

/** What was done with a key, newest first. */
function KeyEvents({ id, name }: DetailsProps) {
  const from = beginning('35d')
  const [chosen, setChosen] = useState('')
  const go = useGo()
  const list = useList('GET /usage/events', { query: { key_id: id, from, limit: 50 } })
  return (
    <>
      <Table
        {...listProps(list)}
        label="Events in the last 35 days"
        columns={EVENTS}
        rowId={(event) => event.id}
        onOpen={(event) => setChosen(event.id)}
        empty={<Empty title="No events in 35 days">Each request with the key appears here within a few seconds.</Empty>}
      />
      <Suspense>
        <EventPanel
          id={chosen}
          known={list.rows?.find((event) => event.id === chosen)}
          keyName={name}
          onFilter={(filter, value) => go('/events', { range: '35d', key_id: id, [fieldOf(filter)]: value })}
          onClose={() => setChosen('')}
        />
      </Suspense>
    </>
  )
}

const EVENTS: readonly Column<StoredUsageEvent>[] = [
  { name: 'Endpoint', cell: ({ method, endpoint }) => [method, endpoint].filter(Boolean).join(' ') || '–' },
  { name: 'Status', width: '6rem', cell: (event) => <EventStatus event={event} /> },
  {
    name: 'Error',
    secondary: true,
    cell: ({ error_code }) => error_code ?? <span className="text-muted">–</span>,
  },
  {
    name: 'Duration',
    numeric: true,
    width: '6rem',
    secondary: true,
    cell: ({ response_time_ms: ms }) => (ms === null ? '–' : formatDuration(ms)),
  },
  { name: 'Time', width: '8rem', cell: ({ occurred_at }) => <Time at={occurred_at} /> },
]

function KeyAudit({ id }: Pick<DetailsProps, 'id'>) {
  const list = useList('GET /audit-logs', { query: { target_id: id, limit: 50 } })
  return (
    <AuditTable
      list={list}
      label="Audit log of the key"
      empty={<Empty title="No entries">Changes to the key are listed here.</Empty>}
    />
  )
}

const DETAILS = {
  endpoints: KeyEndpoints,
  events: KeyEvents,
  reservations: KeyReservations,
  audit: KeyAudit,
} as const

export type Detail = keyof typeof DETAILS

/** A tab of the key that is loaded once it is opened. */
export function KeyDetail({ detail, item }: { readonly detail: Detail; readonly item: ApiKey }) {
  const Shown = DETAILS[detail]
  return <Shown {...item} />
}
