import type { ReactNode } from 'react'
import type { CreditGrant } from '../../../api/types.ts'
import { Empty } from '../../../ui/states.tsx'
import { Table } from '../../../ui/table.tsx'
import { Time } from '../../../ui/time.tsx'
import { formatExact, SOURCE_NAMES } from './words.ts'

interface GrantsTableProps {
  readonly grants: readonly CreditGrant[]
  readonly rowMenu?: (grant: CreditGrant) => ReactNode
}

/** The grants with something left, in the order in which they burn. */
export function GrantsTable({ grants, rowMenu }: GrantsTableProps) {
  return (
    <Table
      label="Grants"
      rows={grants}
      rowId={({ id }) => id}
      {...(rowMenu && { rowMenu })}
      empty={<Empty title="No credits left">All credits are used up, expired or revoked.</Empty>}
      columns={[
        { name: 'Source', cell: ({ source }) => SOURCE_NAMES[source] },
        {
          name: 'Left',
          width: 'minmax(0,1.3fr)',
          cell: ({ remaining, amount }) => (
            <span>
              {formatExact(remaining)} <span className="text-muted">of {formatExact(amount)}</span>
            </span>
          ),
        },
        { name: 'Reason', width: 'minmax(0,1.5fr)', cell: ({ reason }) => reason ?? '–' },
        { name: 'Expires', cell: ({ expires_at }) => <Time at={expires_at} none="Never" /> },
        { name: 'Granted', secondary: true, cell: ({ created_at }) => <Time at={created_at} /> },
      ]}
    />
  )
}
