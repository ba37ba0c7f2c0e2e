/**
 * Reported usage that Redis has not counted in the limits of keys yet. This isolate carries it before Redis decides
 * the organization's next request, like its own local admissions (limits/outage/carry.ts). Until then it counts in the isolate's
 * local decisions. It is lost with the isolate.
 */
import type { Deps } from '../../deps.ts'
import type { CounterRequest } from '../counter.ts'
import { COUNTED_MS } from '../holds/holds.ts'
import { markCountersCarried, rememberCountersLocally } from './known-counters.ts'

/** Of all organizations. Beyond this, the oldest are dropped: each has its own marker in Redis, so they cannot be summed. */
const MAX_KEPT = 10_000
/** How many are sent at once, in one round trip. */
const SENT_TOGETHER = 100

interface LateUse {
  readonly organizationIds: readonly string[]
  /** The counters it counts in; `cost` is the usage. */
  readonly counters: readonly CounterRequest[]
  /** Unix milliseconds. */
  readonly at: number
  /** Counts it once, however often it is sent within {@link COUNTED_MS}. @throws when Redis fails */
  send(deps: Deps): Promise<unknown>
}

type Kept = LateUse & { isDone: boolean }

/** The oldest first. */
const kept = new Set<Kept>()
const byOrganization = new Map<string, Set<Kept>>()

/** Stores usage until Redis has it. @returns a function that sends it, unless it was sent in the meantime */
export function keepUse(use: LateUse): (deps: Deps) => Promise<void> {
  const own: Kept = { ...use, isDone: false }
  rememberCountersLocally(use.counters, use.at)
  const [oldest] = kept
  if (oldest && kept.size >= MAX_KEPT) finish(oldest)
  kept.add(own)
  for (const id of use.organizationIds) {
    const others = byOrganization.get(id)
    if (others) others.add(own)
    else byOrganization.set(id, new Set([own]))
  }
  return (deps) => send(deps, own)
}

/** Sends everything stored for an organization. @throws the client's error when Redis fails */
export async function sendLateUse(deps: Deps, organizationId: string | undefined): Promise<void> {
  const uses = organizationId === undefined ? undefined : byOrganization.get(organizationId)
  if (!uses) return
  const all = [...uses]
  for (let from = 0; from < all.length; from += SENT_TOGETHER)
    await Promise.all(all.slice(from, from + SENT_TOGETHER).map((use) => send(deps, use)))
}

async function send(deps: Deps, use: Kept): Promise<void> {
  if (use.isDone) return
  // by then the marker has expired, so a retry could count it twice
  if (deps.now() - use.at < COUNTED_MS) await use.send(deps)
  finish(use)
}

function finish(use: Kept): void {
  if (use.isDone) return
  use.isDone = true
  kept.delete(use)
  for (const id of use.organizationIds) {
    const others = byOrganization.get(id)
    others?.delete(use)
    if (others?.size === 0) byOrganization.delete(id)
  }
  markCountersCarried(use.counters, use.at)
}
