/** The holds that this isolate made, with Redis or without, until they expire: for decisions without Redis. */
import { createLru } from '../../lib/lru.ts'

export interface OwnHold {
  /** A hash of its request, if its id is derived from an idempotency key. */
  readonly body: string | undefined
  /** Held units, by counter: those of a meter as in limits/outage/known.ts. */
  readonly units: ReadonlyMap<string, number>
  /** What a settlement needs to know about it (usage/reservations/counters.ts). */
  readonly trace: string | undefined
  /** Whether Redis does not have it. Then no other isolate knows of it. */
  readonly isLocal: boolean
  /** Unix milliseconds. */
  readonly until: number
  readonly isEnded?: true
}

/** By id. */
const own = createLru<OwnHold>(10_000)
/** Ids of local holds, by counter. */
const localIds = createLru<ReadonlySet<string>>(20_000)

export const findOwnHold = (id: string): OwnHold | undefined => own.get(id)

export function rememberOwnHold(id: string, hold: OwnHold, now: number): void {
  own.set(id, hold)
  if (!hold.isLocal) return
  for (const counter of hold.units.keys()) localIds.set(counter, new Set([...listOpen(counter, now), id]))
}

/** Redis made a hold expire later. */
export function extendOwnHold(id: string, until: number): void {
  const known = own.get(id)
  if (known) own.set(id, { ...known, until: Math.max(known.until, until) })
}

/** Makes a local hold expire later, never earlier. @returns when it ends; `undefined` if there is none */
export function extendLocalHold(id: string, until: number, now: number): number | undefined {
  const known = own.get(id)
  if (!known || !known.isLocal || !isOpen(known, now)) return undefined
  const later = Math.max(known.until, until)
  own.set(id, { ...known, until: later })
  return later
}

/** @returns the hold, if it had not ended before */
export function closeOwnHold(id: string, now: number): OwnHold | undefined {
  const known = own.get(id)
  if (!known || !isOpen(known, now)) return undefined
  own.set(id, { ...known, isEnded: true })
  return known
}

export const isOpen = ({ isEnded, until }: OwnHold, now: number): boolean => !isEnded && until > now

/** Units that local holds have of a counter. */
export const sumHeldLocally = (counter: string, now: number): number =>
  listOpen(counter, now).reduce((sum, id) => sum + (own.get(id)?.units.get(counter) ?? 0), 0)

function listOpen(counter: string, now: number): string[] {
  return [...(localIds.get(counter) ?? [])].filter((id) => {
    const hold = own.get(id)
    return hold?.isLocal && isOpen(hold, now)
  })
}
