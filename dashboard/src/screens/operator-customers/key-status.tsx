import type { AdminApiKey } from '../../api/types.ts'
import { formatRelative } from '../../lib/format.ts'
import { Status, type StatusKind } from '../../ui/badge.tsx'

const KINDS: Readonly<Record<AdminApiKey['status'], readonly [StatusKind, string]>> = {
  active: ['good', 'Active'],
  disabled: ['off', 'Disabled'],
  expired: ['ended', 'Expired'],
  revoked: ['ended', 'Revoked'],
}

/** What a key's state is for those who look after it: a leak and a coming end come first. */
export function KeyStatus({ status, leaked_at, revoked_at }: Pick<AdminApiKey, 'status' | 'leaked_at' | 'revoked_at'>) {
  if (leaked_at !== null && status !== 'revoked') return <Status kind="bad">Leaked</Status>
  if (status === 'active' && revoked_at !== null) return <Status kind="warn">Ends {formatRelative(revoked_at)}</Status>
  const [kind, name] = KINDS[status]
  return <Status kind={kind}>{name}</Status>
}
