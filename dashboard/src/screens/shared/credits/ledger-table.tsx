import type { List } from '../../../api/hooks.ts'
import { classes } from '../../../ui/class.ts'
import { Empty } from '../../../ui/states.tsx'
import { listProps, Table } from '../../../ui/table.tsx'
import { Time } from '../../../ui/time.tsx'
import { formatSigned, KIND_NAMES, SOURCE_NAMES } from './words.ts'

/** Every change of the balance, latest first. */
export function CreditLedger({ list }: { readonly list: List<'GET /credits/ledger'> }) {
  return (
    <Table
      {...listProps(list)}
      label="Ledger of credits"
      rowId={({ id }) => id}
      empty={<Empty title="No changes yet">Added credits and the charges they pay for are listed here.</Empty>}
      columns={[
        { name: 'Change', cell: ({ kind }) => KIND_NAMES[kind] },
        { name: 'Grant', cell: ({ source }) => SOURCE_NAMES[source] },
        { name: 'Reason', width: 'minmax(0,1.5fr)', cell: ({ reason }) => reason ?? '–' },
        { name: 'Time', cell: ({ created_at }) => <Time at={created_at} /> },
        {
          name: 'Amount',
          numeric: true,
          cell: ({ amount }) => (
            <span className={classes('tabular-nums', Number(amount) > 0 && 'text-good')}>{formatSigned(amount)}</span>
          ),
        },
      ]}
    />
  )
}
