import type { ReactNode } from 'react'
import type { ApiError } from '../../../api/problem.ts'
import type { AdminDelivery, WebhookDelivery } from '../../../api/types.ts'
import { formatDuration, formatTime } from '../../../lib/format.ts'
import { Status } from '../../../ui/badge.tsx'
import { Button } from '../../../ui/button.tsx'
import { Code } from '../../../ui/copy.tsx'
import { Actions, Dialog } from '../../../ui/dialog.tsx'
import { Facts } from '../../../ui/layout.tsx'
import { RowMenu } from '../../../ui/menu.tsx'
import { ErrorNotice } from '../../../ui/notice.tsx'
import { type Column, listProps, Table } from '../../../ui/table.tsx'
import { Time } from '../../../ui/time.tsx'
import { Json } from '../json.tsx'
import { useChosen } from '../use-chosen.ts'

type Delivery = WebhookDelivery | AdminDelivery

interface DeliveriesProps<Item extends Delivery> {
  readonly list: Parameters<typeof listProps<Item>>[0]
  readonly empty: ReactNode
  readonly onClearFilters?: (() => void) | undefined
  /** Columns between the event and the state. */
  readonly columns?: readonly Column<Item>[]
  /** More about one delivery, for its panel. */
  readonly facts?: (item: Item) => readonly (readonly [string, ReactNode])[]
  /** Undefined where the reader may not. */
  readonly resend?: { readonly run: (item: Item) => void; readonly busy: boolean; readonly error: ApiError | null }
}

/** Events on their way to endpoints. Each opens beside the list. */
export function Deliveries<Item extends Delivery>(props: DeliveriesProps<Item>) {
  const { list, empty, onClearFilters, columns = [], facts, resend } = props
  const [chosen, choose] = useChosen(list.rows)
  return (
    <>
      {!chosen && <ErrorNotice error={resend?.error} />}
      <Table
        {...listProps(list)}
        label="Deliveries"
        columns={[
          { name: 'Event', cell: ({ type }) => type },
          ...columns,
          { name: 'State', cell: (item) => <DeliveryState delivery={item} />, width: '7rem' },
          { name: 'Response', cell: (item) => <Answer delivery={item} />, width: '9rem', secondary: true },
          { name: 'Attempts', cell: ({ attempts }) => attempts, width: '5rem', numeric: true, secondary: true },
          { name: 'Created', cell: ({ created_at }) => <Time at={created_at} />, width: '8rem' },
        ]}
        rowId={({ id }) => id}
        onOpen={choose}
        rowMenu={(item) => (
          <RowMenu
            name={`${item.type} of ${formatTime(item.created_at)}`}
            id={item.id}
            items={resend ? [{ label: 'Resend', onSelect: () => resend.run(item) }] : []}
          />
        )}
        empty={empty}
        onClearFilters={onClearFilters}
      />
      {chosen && (
        <Dialog side open onClose={() => choose()} title={chosen.type}>
          <Facts facts={[...deliveryFacts(chosen), ...(facts?.(chosen) ?? [])]} />
          {'payload' in chosen && (
            <div className="flex flex-col gap-2">
              <h3>Body</h3>
              <Json value={chosen.payload} label="body" />
            </div>
          )}
          <ErrorNotice error={resend?.error} />
          {resend && (
            <Actions>
              <Button busy={resend.busy} onClick={() => resend.run(chosen)}>
                Resend
              </Button>
            </Actions>
          )}
        </Dialog>
      )}
    </>
  )
}

const deliveryFacts = (item: Delivery): (readonly [string, ReactNode])[] => [
  ['State', <DeliveryState key="state" delivery={item} />],
  ['Response', <Answer key="answer" delivery={item} />],
  ...(item.error ? [['Last error', item.error] as const] : []),
  ['Attempts', item.attempts],
  ...(item.next_attempt_at ? [['Next attempt', <Time key="next" at={item.next_attempt_at} />] as const] : []),
  ['Created', formatTime(item.created_at)],
  ['Delivered', item.delivered_at ? formatTime(item.delivered_at) : '–'],
  ['Event id', <Code key="event">{item.event_id}</Code>],
  ['Delivery', <Code key="id">{item.id}</Code>],
]

const STATES = {
  delivered: ['good', 'Delivered'],
  pending: ['waiting', 'Waiting'],
  failed: ['bad', 'Failed'],
} as const

function DeliveryState({ delivery }: { readonly delivery: Delivery }) {
  const [kind, word] = STATES[delivery.state]
  const isRetried = delivery.state === 'pending' && delivery.attempts > 0
  return <Status kind={isRetried ? 'warn' : kind}>{isRetried ? 'Retrying' : word}</Status>
}

function Answer({ delivery: { status_code: status, response_time_ms: ms, error } }: { readonly delivery: Delivery }) {
  if (status === null) return <span className="text-muted">{error ? 'No response' : '–'}</span>
  return (
    <>
      {status}
      {ms !== null && <span className="text-muted"> in {formatDuration(ms)}</span>}
    </>
  )
}
