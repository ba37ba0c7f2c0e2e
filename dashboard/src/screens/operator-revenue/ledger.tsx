import { useState } from 'react'
import { type Row, useChange, useList } from '../../api/hooks.ts'
import { formatDate, formatMoney, formatNumber } from '../../lib/format.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { Status, type StatusKind } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Code } from '../../ui/copy.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Field, Form, Textarea } from '../../ui/field.tsx'
import { FilterSelect, Filters } from '../../ui/filters.tsx'
import { Facts, Page } from '../../ui/layout.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Empty } from '../../ui/states.tsx'
import { type Column, listProps, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { CustomerFilter } from '../operator-customers/customer-filter.tsx'
import { CustomerLink } from '../shared/customer-link.tsx'
import { useChosen } from '../shared/use-chosen.ts'
import { meterName, type OwnMeters } from '../usage/meters.ts'
import { useMetersOfAll } from '../usage/own-meters.ts'
import { PROVIDERS, providerName, setFilters } from './provider.ts'

type LedgerRow = Row<'GET /admin/ledger'>

const STATES: Readonly<Record<LedgerRow['state'], readonly [StatusKind, string]>> = {
  pending: ['waiting', 'Pending'],
  sent: ['good', 'Sent'],
  refused: ['bad', 'Refused'],
  unknown: ['warn', 'Unknown'],
  written_off: ['ended', 'Written off'],
}
const METERS = ['api_calls', 'queries', 'tokens', 'cost_usd'] as const
const DEFAULTS = { state: '', provider: '', meter: '', organization_id: '' }

export function Ledger() {
  const [state, change] = useSearchState(DEFAULTS)
  const list = useList('GET /admin/ledger', { query: { limit: 50, ...setFilters(state) } })
  const [chosen, choose] = useChosen(list.rows)
  const own = useMetersOfAll()
  const isFiltered = Object.values(state).some(Boolean)
  return (
    <Page title="Ledger" intro="What customers used above their plans and whether it was charged, newest first.">
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
        <FilterSelect
          label="Meter"
          value={state.meter}
          options={[
            ['', 'All'],
            ...[...METERS, ...Object.keys(own)].map((meter) => [meter, meterName(meter, own)] as const),
          ]}
          onChange={(meter) => change({ meter })}
        />
        <CustomerFilter value={state.organization_id} onChange={(id) => change({ organization_id: id })} />
      </Filters>
      <Table
        {...listProps(list)}
        label="Overage"
        columns={listColumns(own)}
        rowId={({ id }) => id}
        onOpen={choose}
        rowMenu={(row) => (
          <RowMenu name={`${meterName(row.meter, own)} of ${formatDate(row.period_start)}`} id={row.id} />
        )}
        empty={
          <Empty title="No overage yet">Usage above the limits of a plan that allows overage is charged here.</Empty>
        }
        onClearFilters={isFiltered ? () => change(DEFAULTS) : undefined}
      />
      {chosen && <Panel row={chosen} own={own} onClose={() => choose()} />}
    </Page>
  )
}

function State({ state }: { readonly state: LedgerRow['state'] }) {
  const [kind, name] = STATES[state]
  return <Status kind={kind}>{name}</Status>
}

const listColumns = (own: OwnMeters): readonly Column<LedgerRow>[] => [
  { name: 'Meter', cell: ({ meter }) => meterName(meter, own), width: '7rem' },
  { name: 'Customer', cell: ({ organization_id }) => <CustomerLink id={organization_id} /> },
  { name: 'State', cell: ({ state }) => <State state={state} />, width: '8rem' },
  { name: 'Units', cell: ({ units }) => formatNumber(units), width: '7rem', numeric: true, secondary: true },
  { name: 'Amount', cell: ({ amount_usd }) => formatMoney(amount_usd), width: '7rem', numeric: true },
  { name: 'Created', cell: ({ created_at }) => <Time at={created_at} />, width: '8rem' },
]

/** States in which a person must decide. */
const STUCK: ReadonlySet<LedgerRow['state']> = new Set(['refused', 'unknown'])

interface PanelProps {
  readonly row: LedgerRow
  readonly own: OwnMeters
  readonly onClose: () => void
}

function Panel({ row, own, onClose }: PanelProps) {
  const [isWritingOff, setIsWritingOff] = useState(false)
  const resend = useChange('POST /admin/ledger/{id}/resend')
  return (
    <Dialog open onClose={onClose} title={`${meterName(row.meter, own)}, ${formatMoney(row.amount_usd)}`} side>
      <Facts
        facts={[
          ['Customer', <CustomerLink key="customer" id={row.organization_id} />],
          ['State', <State key="state" state={row.state} />],
          ['Provider', providerName(row.provider)],
          ['Period from', formatDate(row.period_start)],
          ['Units', `${formatNumber(row.units)}, after ${formatNumber(row.from_units)} charged before`],
          ['Attempts', row.attempts],
          ['Reason', row.error ?? '–'],
          ['First attempt', <Time key="attempted" at={row.attempted_at} />],
          ['Sent', <Time key="sent" at={row.sent_at} />],
          ['Id', <Code key="id">{row.id}</Code>],
        ]}
      />
      <ErrorNotice error={resend.error} />
      {STUCK.has(row.state) && !isWritingOff && (
        <Actions>
          <Button onClick={() => setIsWritingOff(true)}>Write off</Button>
          <Button
            look="primary"
            busy={resend.isPending}
            onClick={() =>
              resend.mutate({ params: { id: row.id } }, { onSuccess: () => toast('It is sent again within a minute') })
            }
          >
            Send again
          </Button>
        </Actions>
      )}
      {isWritingOff && <WriteOff row={row} onDone={onClose} onCancel={() => setIsWritingOff(false)} />}
    </Dialog>
  )
}

interface WriteOffProps {
  readonly row: LedgerRow
  readonly onDone: () => void
  readonly onCancel: () => void
}

function WriteOff({ row, onDone, onCancel }: WriteOffProps) {
  const [reason, setReason] = useState('')
  const { mutate, error, isPending } = useChange('POST /admin/ledger/{id}/write-off')
  function writeOff(): void {
    mutate(
      { params: { id: row.id }, body: { reason } },
      {
        onSuccess() {
          toast('Written off', `${formatMoney(row.amount_usd)} will not be charged.`)
          onDone()
        },
      },
    )
  }
  return (
    <Form onSubmit={writeOff}>
      <ErrorNotice error={error} except={['reason']} />
      <Field label="Reason" hint="Kept in the audit log." error={error?.fieldError('reason')}>
        <Textarea autoFocus value={reason} onChange={({ target }) => setReason(target.value)} />
      </Field>
      <Actions>
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" look="danger" busy={isPending}>
          Write off {formatMoney(row.amount_usd)}
        </Button>
      </Actions>
    </Form>
  )
}
