/**
 * Local admissions that Redis may count as well, because their request arrived there although its response did not. Each has
 * a marker in Redis: whoever sets it, counts the units. Script calls of any age and the batches of limits/outage/carry.ts do that.
 */
import type { Redis } from '@upstash/redis/cloudflare'
import { defineScript, runScript } from '../../db/script.ts'
import type { LimitRequest } from '../limit-request.ts'
import type { LocalAdmission } from './local-units.ts'

/** How long Redis remembers that a request of this isolate was counted. */
const MARKER_MS = 600_000
/** A day: a client that repeats an idempotency key after this time no longer means the same request. */
const ONCE_MS = 24 * 3_600_000
/** Of all organizations. Beyond this, the oldest lose their marker, and may count twice. */
const MAX_MARKED = 5_000

export interface MarkedAdmission extends LocalAdmission {
  readonly once: NonNullable<LimitRequest['once']>
}

/** The marked admissions of one owner. */
interface Marked {
  readonly marked: Map<string, MarkedAdmission>
  /** Takes one that loses its marker. */
  readonly admitted: { add(admission: LocalAdmission): void }
}

/** The oldest first. */
const owners = new Map<MarkedAdmission, Marked>()

export function keepMarked(owner: Marked, admission: MarkedAdmission): void {
  owner.marked.set(admission.once.key, admission)
  owners.set(admission, owner)
  const [oldest] = owners
  if (owners.size <= MAX_MARKED || !oldest) return
  const [displaced, itsOwner] = oldest
  forget(itsOwner, displaced)
  itsOwner.admitted.add(displaced)
}

/** Takes out the oldest. */
export function takeMarked(owner: Marked, max: number): MarkedAdmission[] {
  const taken = [...owner.marked.values().take(max)]
  for (const admission of taken) forget(owner, admission)
  return taken
}

function forget(owner: Marked, admission: MarkedAdmission): void {
  owner.marked.delete(admission.once.key)
  owners.delete(admission)
}

/** The request with a marker of its own, if it takes units and has none. */
export function withMarker(request: LimitRequest): LimitRequest {
  const { once, windows, organizationId = 'none' } = request
  if (once || windows.every(({ cost }) => cost === 0)) return request
  return { ...request, once: { key: `once:${organizationId}:${crypto.randomUUID()}`, body: '-', isOwn: true } }
}

export const markerLifetimeMs = ({ isOwn }: MarkedAdmission['once']): number => (isOwn ? MARKER_MS : ONCE_MS)

/**
 * KEYS: the answer's key, then markers. ARGV: lifetime of the answer (ms), then alternately value and lifetime (ms) of a marker. Sets the
 * markers that are missing. Answer: x, then for each marker whether it existed, 1 or 0. Idempotent per answer's key.
 */
const CLAIM = defineScript(`
local known = redis.call('GET', KEYS[1])
if known then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  return known
end
local existed = {'x'}
for i = 2, #KEYS do
  existed[i] = redis.call('SET', KEYS[i], ARGV[i * 2 - 2], 'NX', 'PX', ARGV[i * 2 - 1]) and '0' or '1'
end
local answer = table.concat(existed)
redis.call('SET', KEYS[1], answer, 'PX', ARGV[1])
return answer`)

/**
 * @param id of the batch: the same one again gets the same answer
 * @returns those that Redis has not counted. From now on it does not count them any more
 * @throws the client's error when Redis fails
 */
export async function claimUncounted(
  redis: Redis,
  id: string,
  marked: readonly MarkedAdmission[],
): Promise<readonly MarkedAdmission[]> {
  if (marked.length === 0) return marked
  const keys = [`claimed:${id}`, ...marked.map(({ once }) => once.key)]
  const values = marked.flatMap(({ once, generation = -1 }) => [`${generation} ${once.body}`, markerLifetimeMs(once)])
  const existed = await runScript<string>(redis, CLAIM, keys, [MARKER_MS, ...values])
  return marked.filter((_, at) => existed[at + 1] === '0')
}
