import { useState } from 'react'
import { type Row, useChange, useList } from '../../api/hooks.ts'
import type { ApiError } from '../../api/problem.ts'
import { useMay } from '../../shell/session-context.tsx'
import { Confirm } from '../../ui/dialog.tsx'
import { Section } from '../../ui/layout.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { Empty } from '../../ui/states.tsx'
import { type Column, listProps, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { useKeyNames } from './event-filters.ts'
import { describeHeld } from './held.ts'
import type { OwnMeters } from './meters.ts'
import { useOwnMeters } from './own-meters.ts'

type Reservation = Row<'GET /usage/reservations'>

/** They come and go within minutes. */
const EVERY_MS = 15_000
const ROWS = 20

/** The reservations of a key that are neither settled nor expired. */
export function KeyReservations({ id }: { readonly id: string }) {
  const list = useOpenReservations(id)
  const own = useOwnMeters()
  return <Reservations list={list} columns={listColumns(own)} own={own} />
}

/** Those of all keys. Nothing where none is open. */
export function OpenReservations() {
  const list = useOpenReservations()
  const own = useOwnMeters()
  const columns = listColumns(own)
  const keyName = useNames(list.rows !== undefined && list.rows.length > 0)
  if (!list.rows?.length) return null
  const key: Column<Reservation> = {
    name: 'API key',
    cell: ({ key_id }) => (key_id === null ? 'No API key' : keyName(key_id)),
  }
  return (
    <Section title="Open reservations" intro="Quota held for work in progress, until it is settled or expires.">
      <Reservations list={list} columns={[...columns.slice(0, 1), key, ...columns.slice(1)]} own={own} />
    </Section>
  )
}

/** A key that was never used has no events by which it could be called. */
function useNames(enabled: boolean): (id: string) => string {
  const mayRead = useMay('keys:read')
  const { rows } = useList('GET /auth/api-keys', { query: { limit: 100 } }, { enabled: enabled && mayRead })
  const usedName = useKeyNames()
  const names = new Map(rows?.map(({ id, name }) => [id, name]))
  return (id) => names.get(id) ?? usedName(id) ?? id
}

const useOpenReservations = (key_id?: string) =>
  useList('GET /usage/reservations', { query: { limit: ROWS, ...(key_id && { key_id }) } }, { every: EVERY_MS })

/** Those of a customer, where the operator looks at them. Nothing where none is open. */
export function CustomerReservations({ id, own }: { readonly id: string; readonly own: OwnMeters }) {
  const query = { organization_id: id, limit: ROWS }
  const list = useList('GET /usage/reservations', { query }, { every: EVERY_MS })
  if (!list.rows?.length) return null
  return (
    <Section title="Open reservations" intro="Quota held for work in progress, until it is settled or expires.">
      <Reservations list={list} columns={listColumns(own)} own={own} customer={id} />
    </Section>
  )
}

interface ReservationsProps {
  readonly own: OwnMeters
  /** Whose they are, where the operator looks at them. */
  readonly customer?: string
  readonly list: ReturnType<typeof useOpenReservations>
  readonly columns: readonly Column<Reservation>[]
}

function Reservations({ list, columns, own, customer }: ReservationsProps) {
  const [asked, setAsked] = useState<Reservation>()
  const mayCancel = useMay('usage:write') || customer !== undefined
  const cancel = { label: 'Cancel reservation', destructive: true }
  return (
    <>
      <Table
        {...listProps(list)}
        label="Open reservations"
        columns={columns}
        rowId={({ id }) => id}
        rowMenu={(one) => (
          <RowMenu name={one.id} id={one.id} items={mayCancel ? [{ ...cancel, onSelect: () => setAsked(one) }] : []} />
        )}
        empty={
          <Empty title="No open reservations">
            Reservations for work in progress appear here until they are settled or expire.
          </Empty>
        }
      />
      {asked && customer === undefined && (
        <CancelOwn reservation={asked} own={own} onClose={() => setAsked(undefined)} />
      )}
      {asked && customer !== undefined && (
        <CancelOfCustomer reservation={asked} own={own} customer={customer} onClose={() => setAsked(undefined)} />
      )}
    </>
  )
}

function listColumns(own: OwnMeters): Column<Reservation>[] {
  return [
    { name: 'Holds', width: 'minmax(0,2fr)', cell: (one) => describeHeld(one, own) },
    { name: 'Subject', cell: ({ subject }) => subject ?? <span className="text-muted">–</span> },
    { name: 'Created', width: '8rem', cell: ({ created_at }) => <Time at={created_at} none="Unknown" /> },
    { name: 'Expires', width: '8rem', cell: ({ expires_at }) => <Time at={expires_at} /> },
  ]
}

interface CancelProps {
  readonly reservation: Reservation
  readonly own: OwnMeters
  readonly onClose: () => void
}

function told({ released }: { readonly released: boolean }, onClose: () => void): void {
  toast(released ? 'Reservation canceled' : 'The reservation had already ended')
  onClose()
}

function CancelOwn(props: CancelProps) {
  const { mutate, error, isPending } = useChange('POST /usage/settle')
  const body = { reservation_id: props.reservation.id, cancel: true }
  const cancel = () => mutate({ body }, { onSuccess: (answer) => told(answer, props.onClose) })
  return <ConfirmCancel {...props} onConfirm={cancel} error={error} busy={isPending} />
}

function CancelOfCustomer({ customer, ...props }: CancelProps & { readonly customer: string }) {
  const { mutate, error, isPending } = useChange('POST /admin/organizations/{organization_id}/reservations/{id}/cancel')
  const params = { organization_id: customer, id: props.reservation.id }
  const cancel = () => mutate({ params }, { onSuccess: (answer) => told(answer, props.onClose) })
  return <ConfirmCancel {...props} onConfirm={cancel} error={error} busy={isPending} />
}

interface ConfirmCancelProps extends CancelProps {
  readonly onConfirm: () => void
  readonly error: ApiError | null
  readonly busy: boolean
}

function ConfirmCancel({ reservation, own, onClose, onConfirm, error, busy }: ConfirmCancelProps) {
  return (
    <Confirm
      open
      onClose={onClose}
      title="Cancel reservation"
      action="Cancel reservation"
      busy={busy}
      error={error}
      onConfirm={onConfirm}
    >
      <p>
        {Object.keys(reservation.held).length === 0
          ? 'Its slot is freed immediately.'
          : `This frees ${describeHeld(reservation, own)} immediately.`}
      </p>
      <p>The work itself continues. If it is settled later, its usage counts.</p>
    </Confirm>
  )
}
