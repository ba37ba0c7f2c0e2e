import type { ApiKey, KeyUsageDataItem } from '../../api/types.ts'
import { formatNumber, formatTime } from '../../lib/format.ts'
import type { StatusKind } from '../../ui/badge.tsx'

export interface KeyStatus {
  readonly kind: StatusKind
  readonly label: string
  /** Why it is so. */
  readonly reason: string
}

const DAY_MS = 86_400_000
/** A key that expires within this time needs somebody to act. */
const SOON_MS = 7 * DAY_MS
/** From this share of limited or rejected requests on, it is more than an accident. */
const OFTEN = 0.1
const MIN_COUNT = 5

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** The state of a key: first what ended it, then what its requests of the last 36 hours say. */
export function keyStatus(key: ApiKey, usage: KeyUsageDataItem | undefined, now = Date.now()): KeyStatus {
  return (
    endedStatus(key, now) ??
    trafficStatus(usage) ??
    expiryStatus(key, now) ??
    (key.client_id ? OF_APPLICATION : OPERATIONAL)
  )
}

const OPERATIONAL: KeyStatus = { kind: 'good', label: 'Operational', reason: 'The key works.' }

const OF_APPLICATION: KeyStatus = {
  kind: 'good',
  label: 'Operational',
  reason:
    'The access token of an application, which renews it automatically. Revoke it to end the application’s access.',
}

function endedStatus(key: ApiKey, now: number): KeyStatus | undefined {
  const revokedAt = key.revoked_at && Date.parse(key.revoked_at)
  if (revokedAt && revokedAt <= now)
    return { kind: 'ended', label: 'Revoked', reason: `Revoked on ${formatTime(revokedAt)}.` }
  if (key.leaked_at && !key.is_active)
    return { kind: 'bad', label: 'Leaked', reason: `Found in public on ${formatTime(key.leaked_at)}, and disabled.` }
  if (!key.is_active) return { kind: 'off', label: 'Disabled', reason: 'The key is disabled. You can enable it again.' }
  if (key.client_id && key.expires_at && Date.parse(key.expires_at) <= now)
    return {
      kind: 'off',
      label: 'Idle',
      reason: `Its application has not used it since ${formatTime(key.expires_at)}.`,
    }
  if (key.expires_at && Date.parse(key.expires_at) <= now)
    return { kind: 'ended', label: 'Expired', reason: `Expired on ${formatTime(key.expires_at)}.` }
  return undefined
}

function trafficStatus(usage: KeyUsageDataItem | undefined): KeyStatus | undefined {
  if (!usage) return undefined
  const [limited, refused] = [sum(usage.limited), sum(usage.refused)]
  const total = sum(usage.succeeded) + limited + refused + sum(usage.failed)
  const isOften = (count: number) => count >= MIN_COUNT && count / total >= OFTEN
  const ofAll = `of ${formatNumber(total)} requests in the last 36 hours`
  if (isOften(refused))
    return {
      kind: 'warn',
      label: 'Rejected often',
      reason: `${formatNumber(refused)} ${ofAll} were rejected (401, 403).`,
    }
  if (isOften(limited))
    return { kind: 'warn', label: 'Rate limited', reason: `${formatNumber(limited)} ${ofAll} were over a limit (429).` }
  return undefined
}

function expiryStatus(key: ApiKey, now: number): KeyStatus | undefined {
  const ends = endsAt(key)
  if (ends === undefined || ends - now > SOON_MS || key.client_id) return undefined
  const reason = key.replaced_by
    ? `It was rotated and stops working on ${formatTime(ends)}.`
    : `It stops working on ${formatTime(ends)}.`
  return { kind: 'warn', label: key.replaced_by ? 'Being replaced' : 'Expires soon', reason }
}

/** When a key stops by itself, in milliseconds since 1970: the end of its grace period or its expiry. */
export function endsAt(key: ApiKey): number | undefined {
  const ends = [key.revoked_at, key.expires_at].flatMap((at) => (at ? [Date.parse(at)] : []))
  return ends.length > 0 ? Math.min(...ends) : undefined
}

/** Whether a key can still be changed, rotated or revoked. */
export function isRevoked(key: ApiKey, now = Date.now()): boolean {
  return key.revoked_at !== null && Date.parse(key.revoked_at) <= now
}

/** A key is replaced once, and only while it has not ended; that of an application by the application alone. */
export function mayRotate(key: ApiKey, now = Date.now()): boolean {
  const isExpired = key.expires_at !== null && Date.parse(key.expires_at) <= now
  return !isRevoked(key, now) && !isExpired && key.replaced_by === null && key.client_id === null
}
