import type { AdminApiKey } from '../../api/types.ts'
import { formatShort } from '../../lib/format.ts'
import { Environment } from '../../ui/badge.tsx'
import type { Column } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { KeyStatus } from './key-status.tsx'

/** Columns of lists of keys, behind the first. */
export const KEY_COLUMNS: readonly Column<AdminApiKey>[] = [
  {
    name: 'Key',
    width: '11rem',
    cell: ({ key_hint }) => <span className="font-mono text-small">{key_hint}</span>,
  },
  { name: 'Type', width: '3.5rem', cell: ({ environment }) => <Environment name={environment} /> },
  { name: 'Status', width: '8.5rem', cell: (key) => <KeyStatus {...key} /> },
  {
    name: 'Requests',
    width: '5rem',
    numeric: true,
    secondary: true,
    cell: ({ total_requests }) => formatShort(total_requests),
  },
  { name: 'Last used', width: '8rem', cell: ({ last_used_at }) => <Time at={last_used_at} none="Never" /> },
]
