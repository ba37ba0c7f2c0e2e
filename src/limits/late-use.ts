/**
 * Reported usage that Redis has not counted in the limits of keys yet. This isolate carries it before Redis decides
 * the organization's next request, like its own local admissions (limits/carry.ts). Until then it counts in the isolate's
 * local decisions. It is lost with the isolate.
 */
import type { Deps } from '../deps.ts'
import { createLru } from '../lib/lru.ts'
import type { CounterRequest } from './counter.ts'
import { COUNTED_MS } from './holds.ts'
import { markCountersCarried, rememberCountersLocally } from './known-counters.ts'

/** Per organization. Beyond this, the oldest are dropped. */
const MAX_KEPT = 1_000

interface LateUse {
  readonly organizationIds: Iterable<string>
  /** The counters it counts in; `cost` is the usage. */
  readonly counters: readonly CounterRequest[]
  /** Unix milliseconds. */
  readonly at: number
  /** Counts it once, however often it is sent within {@link COUNTED_MS}. @throws when Redis fails */
  send(deps: Deps): Promise<unknown>
}

type Kept = LateUse & { isDone: boolean }

const kept = createLru<Kept[]>(1_000)
let isAnyKept = false

/** Stores usage until Redis has it. @returns a function that sends it, unless it was sent in the meantime */
export function keepUse(use: LateUse): (deps: Deps) => Promise<void> {
  const own: Kept = { ...use, isDone: false }
  rememberCountersLocally(use.counters, use.at)
  for (const id of use.organizationIds) {
    const others = kept.get(id) ?? []
    const dropped = others.length >= MAX_KEPT ? others.shift() : undefined
    if (dropped) finish(dropped)
    kept.set(id, [...others, own])
  }
  isAnyKept = true
  return (deps) => send(deps, own)
}

/** Sends everything stored for an organization. @throws the client's error when Redis fails */
export async function sendLateUse(deps: Deps, organizationId: string | undefined): Promise<void> {
  const uses = isAnyKept && organizationId !== undefined ? kept.get(organizationId) : undefined
  if (!uses) return
  for (const use of uses) await send(deps, use)
  const left = (kept.get(organizationId as string) ?? []).filter(({ isDone }) => !isDone)
  if (left.length > 0) kept.set(organizationId as string, left)
  else kept.delete(organizationId as string)
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
  markCountersCarried(use.counters, use.at)
}
