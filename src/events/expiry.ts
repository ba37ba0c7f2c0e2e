import { ormOver } from '../db/orm.ts'
import type { Deps } from '../deps.ts'
import { insertDeliveries } from './publish.ts'
import { insertStates, replaceStates } from './state.ts'
import { invitationsExpired, keysExpiring, organizationsOfExpired } from './subjects.ts'

/** How far back a run looks. Runs start every minute, and some may fail. No event is sent twice. */
const LOOK_BACK_MS = 3_600_000
/** Each run that covers the same span sends the state again. That is correct but redundant, so the span is short. */
const STATE_LOOK_BACK_MS = 120_000
/** Days before a key's expiry at which its organization gets an event. 0 is the expiry itself. */
const KEY_DAYS = [7, 1, 0]

/**
 * Publishes events that only the passing of time causes: keys that expire soon or have expired, and expired invitations.
 *
 * @param at when the run was due, in Unix milliseconds
 * @returns the number of deliveries it created
 */
export async function tellExpiry(deps: Deps, at: number) {
  const span = { from: new Date(at - LOOK_BACK_MS).toISOString(), to: new Date(at).toISOString() }
  const db = ormOver(deps.sql)
  let told = 0
  for (const happening of [...KEY_DAYS.map((days) => keysExpiring(span, days)), invitationsExpired(span)])
    told += (await db.execute(insertDeliveries(deps.now(), happening))).rows.length
  const organizations = organizationsOfExpired(new Date(at - STATE_LOOK_BACK_MS), new Date(at))
  told += (await db.execute(insertStates(deps.now(), organizations))).rows.length
  await db.execute(replaceStates(organizations))
  return { told }
}
