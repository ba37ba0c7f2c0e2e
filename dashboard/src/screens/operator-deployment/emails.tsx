import { type Row, useChange, useList } from '../../api/hooks.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { Status, type StatusKind } from '../../ui/badge.tsx'
import { FilterSelect, Filters, FilterText } from '../../ui/filters.tsx'
import { Page } from '../../ui/layout.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Empty } from '../../ui/states.tsx'
import { type Column, listProps, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'

type Email = Row<'GET /admin/mails'>

const STATES: Readonly<Record<Email['state'], readonly [StatusKind, string]>> = {
  pending: ['waiting', 'Pending'],
  sent: ['good', 'Sent'],
  failed: ['bad', 'Failed'],
}
const DEFAULTS = { state: '', to: '' }

export function Emails() {
  const [state, change] = useSearchState(DEFAULTS)
  const list = useList('GET /admin/mails', {
    query: {
      limit: 50,
      ...(state.state && { state: state.state as Email['state'] }),
      ...(state.to && { to: state.to }),
    },
  })
  const { mutate, error } = useChange('POST /admin/mails/{id}/resend')
  const isFiltered = Object.values(state).some(Boolean)
  return (
    <Page title="Emails" intro="Emails that were sent or are waiting. Their text is deleted once they are sent.">
      <Filters>
        <FilterSelect
          label="State"
          value={state.state}
          options={[['', 'All'], ...Object.entries(STATES).map(([value, [, name]]) => [value, name] as const)]}
          onChange={(value) => change({ state: value })}
        />
        <FilterText label="To" value={state.to} placeholder="The full address" onChange={(to) => change({ to })} />
      </Filters>
      <ErrorNotice error={error} />
      <Table
        {...listProps(list)}
        label="Emails"
        columns={COLUMNS}
        rowId={({ id }) => id}
        rowMenu={(email) => (
          <RowMenu
            name={email.subject}
            id={email.id}
            items={
              email.state === 'pending'
                ? [
                    {
                      label: 'Send now',
                      onSelect: () =>
                        mutate({ params: { id: email.id } }, { onSuccess: () => toast('Email is being sent') }),
                    },
                  ]
                : []
            }
          />
        )}
        empty={<Empty title="No emails yet">Confirmations, invitations and alerts are listed here.</Empty>}
        onClearFilters={isFiltered ? () => change(DEFAULTS) : undefined}
      />
    </Page>
  )
}

const COLUMNS: readonly Column<Email>[] = [
  { name: 'Subject', cell: ({ subject }) => subject, width: 'minmax(0,1.3fr)' },
  { name: 'To', cell: ({ to }) => to },
  {
    name: 'State',
    width: '8rem',
    cell({ state, error }) {
      const [kind, name] = STATES[state]
      return (
        <span title={error ?? undefined}>
          <Status kind={kind}>{name}</Status>
        </span>
      )
    },
  },
  { name: 'Attempts', cell: ({ attempts }) => attempts, width: '5rem', numeric: true, secondary: true },
  { name: 'Created', cell: ({ created_at }) => <Time at={created_at} />, width: '8rem' },
  { name: 'Sent', cell: ({ sent_at }) => <Time at={sent_at} />, width: '8rem', secondary: true },
]
