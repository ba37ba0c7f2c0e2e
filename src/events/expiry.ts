import { ormOver } from '../db/orm.ts'
import type { Deps } from '../deps.ts'
import { insertDeliveries } from './publish.ts'
import { insertStates, replaceStates } from './state.ts'
import { invitationsExpired, keysExpiring, organizationsOfExpired } from './subjects.ts'

/** How far back a run looks: runs come every minute, and some may fail. Nobody is told twice. */
const LOOK_BACK_MS = 3_600_000
/** The state is told again by each run that looks at the same span: that says nothing wrong, so it is short. */
const STATE_LOOK_BACK_MS = 120_000
/** So many days before a key expires its organization is told, and when it has. */
const KEY_DAYS = [7, 1, 0]

/**
 * Tells of what time alone does: keys that expire soon or have expired, and invitations that have.
 *
 * @param at when the run was due, in Unix milliseconds
 * @returns how many deliveries were put on their way
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
