import { sql } from 'drizzle-orm'
import { ormOver } from '../db/orm.ts'
import type { Deps } from '../deps.ts'
import type { UsageEvent } from '../metering/event.ts'
import { insertDeliveries, isAskingFor, sendSoon } from './publish.ts'
import { keysRefused, type RefusedKey } from './subjects.ts'

const MINUTE_MS = 60_000
/** How long this isolate caches whether any endpoint subscribes to refusals: a new endpoint gets them after this time at the latest. */
const LISTENERS_TTL_MS = 60_000

/** The latest minute and the keys for which this isolate has published events: a thousand refusals a second cause one event. */
let told = { minute: 0, keys: new Set<string>() }
/** Whether any endpoint subscribes to refusals, and when that expires, in Unix milliseconds. */
let listeners = { isAny: false, until: 0 }

/**
 * Publishes events about keys whose rate limit refused verifications, from usage events that were just written. At most one
 * per key and minute over all isolates: the event's id contains both and is unique. Makes no query if nobody subscribes.
 */
export async function notifyRefusals(deps: Deps, refusals: readonly UsageEvent[]): Promise<void> {
  if (!(await isAnybodyListening(deps))) return
  const minute = Math.floor(deps.now() / MINUTE_MS)
  if (told.minute !== minute) told = { minute, keys: new Set() }
  const keys = sumByKey(refusals).filter(({ key_id }) => !told.keys.has(key_id))
  if (keys.length === 0) return
  for (const { key_id } of keys) told.keys.add(key_id) // before the query, or a concurrent batch would repeat it
  const { rows } = await ormOver(deps.sql).execute<{ id: string }>(
    insertDeliveries(deps.now(), keysRefused(keys, minute)),
  )
  sendSoon(
    deps,
    rows.map(({ id }) => id),
  )
}

async function isAnybodyListening(deps: Deps): Promise<boolean> {
  const now = deps.now()
  if (now < listeners.until) return listeners.isAny
  const { rows } = await ormOver(deps.sql).execute<{ is_any: boolean }>(
    sql`select exists (select from webhook_endpoints e where ${isAskingFor('rate_limit.refused')}) as is_any`,
  )
  listeners = { isAny: rows[0]?.is_any ?? false, until: now + LISTENERS_TTL_MS }
  return listeners.isAny
}

function sumByKey(refusals: readonly UsageEvent[]): RefusedKey[] {
  const sums = new Map<string, RefusedKey>()
  for (const { key_id, organization_id, requests = 1 } of refusals) {
    if (!key_id) continue
    const known = sums.get(key_id)?.requests ?? 0
    sums.set(key_id, { key_id, organization_id, requests: known + requests })
  }
  return [...sums.values()]
}
