/**
 * Reported usage that Redis has not counted in the limits of keys yet. This isolate carries it before Redis decides
 * the organization's next request, like its own local admissions (limits/outage/carry.ts). Until then it counts in the isolate's
 * local decisions. It is lost with the isolate.
 */
import type { Deps } from '../../deps.ts'
import { waitFor } from '../../lib/waiting.ts'
import type { CounterRequest } from '../counter.ts'
import { COUNTED_MS } from '../holds/holds.ts'
import { markCountersCarried, rememberCountersLocally } from './known-counters.ts'

/** Of all organizations. Beyond this, the oldest are dropped: each has its own marker in Redis, so they cannot be summed. */
const MAX_KEPT = 10_000
/** How many are sent at once, in one round trip. */
const SENT_TOGETHER = 100
/** How often a request waits for another one that sends before it sends as well. The other one may have been canceled. */
const MAX_WAITS = 3

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

/** What is kept of one organization. */
interface Late {
  readonly uses: Set<Kept>
  /** Set while it is sent. Others wait, so that they are decided by counters that include it, and do not send it as well. */
  sending: Promise<void> | undefined
}

/** The oldest first. */
const kept = new Set<Kept>()
const byOrganization = new Map<string, Late>()

/** Stores usage until Redis has it. @returns a function that sends it, unless it was sent in the meantime */
export function keepUse(use: LateUse): (deps: Deps) => Promise<void> {
  const own: Kept = { ...use, isDone: false }
  rememberCountersLocally(use.counters, use.at)
  const [oldest] = kept
  if (oldest && kept.size >= MAX_KEPT) finish(oldest)
  kept.add(own)
  for (const id of use.organizationIds) {
    const known = byOrganization.get(id)
    if (known) known.uses.add(own)
    else byOrganization.set(id, { uses: new Set([own]), sending: undefined })
  }
  return (deps) => send(deps, own)
}

/**
 * Sends everything stored for an organization, or waits until another request has. The oldest is sent alone: while Redis fails, requests
 * send one call at a time.
 *
 * @throws the client's error when Redis fails, also for those who wait
 */
export async function sendLateUse(deps: Deps, organizationId: string | undefined): Promise<void> {
  const find = () => (organizationId === undefined ? undefined : byOrganization.get(organizationId))
  let waits = 0
  for (let late = find(); late; late = find()) {
    if (!late.sending || waits++ === MAX_WAITS) return run(deps, late)
    await waitFor(late.sending, deps.config.REDIS_TIMEOUT_MS)
  }
}

async function run(deps: Deps, late: Late): Promise<void> {
  const sending = sendAll(deps, late.uses)
  late.sending = sending
  try {
    await sending
  } finally {
    if (late.sending === sending) late.sending = undefined
  }
}

async function sendAll(deps: Deps, uses: ReadonlySet<Kept>): Promise<void> {
  const [first, ...others] = uses
  if (first) await send(deps, first)
  for (let from = 0; from < others.length; from += SENT_TOGETHER)
    await Promise.all(others.slice(from, from + SENT_TOGETHER).map((use) => send(deps, use)))
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
    const late = byOrganization.get(id)
    late?.uses.delete(use)
    if (late?.uses.size === 0) byOrganization.delete(id)
  }
  markCountersCarried(use.counters, use.at)
}
