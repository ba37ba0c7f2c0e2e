/** The open holds of an organization, read from Redis. */
import { defineScript, runScript } from '../../db/script.ts'
import type { Deps } from '../../deps.ts'
import type { Period } from '../../lib/period.ts'
import { holdsKey } from '../limit-request.ts'
import type { HoldRef } from './holds.ts'

/**
 * KEYS: holds of one period each. ARGV[1]: JSON of `ahead` (ms), `limit`, and, if given, `id` of one hold, `key_id` to select
 * the holds of one key, and `at` (ms) and `after`, the position of the last hold of the previous page. Answer: for each hold the
 * index of its period from 0, its id, and its JSON; the newest first. Expired holds are skipped.
 */
const LIST = defineScript(`
local request = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + request.ahead
local found = {}
local function add(period, id, text)
  local hold = cjson.decode(text)
  local about = hold.about or {}
  local at = about.at or 0
  local isLater = not request.after or at < request.at or (at == request.at and id < request.after)
  local isOfKey = not request.key_id or about.key_id == request.key_id
  if hold.expires > now and isOfKey and isLater then found[#found + 1] = {at, id, period, text} end
end
for i, key in ipairs(KEYS) do
  if request.id then
    local text = redis.call('HGET', key, request.id)
    if text then add(i - 1, request.id, text) end
  else
    local holds = redis.call('HGETALL', key)
    for at = 1, #holds, 2 do add(i - 1, holds[at], holds[at + 1]) end
  end
end
table.sort(found, function(a, b) return a[1] > b[1] or (a[1] == b[1] and a[2] > b[2]) end)
local answer = {}
for i = 1, math.min(#found, request.limit) do
  answer[#answer + 1] = found[i][3]
  answer[#answer + 1] = found[i][2]
  answer[#answer + 1] = '=' .. found[i][4]
end
return answer`)

/** A hold that has not expired. */
export interface OpenHold extends HoldRef {
  /** Unix milliseconds: when it was created, 0 if unknown, and when it ends. */
  readonly at: number
  readonly expiresAt: number
  readonly keyId: string | undefined
  readonly subject: string | undefined
  /** In whole units, by meter. */
  readonly amounts: Readonly<Record<string, number>>
}

interface HoldFilter {
  readonly limit: number
  readonly holdId?: string
  readonly keyId?: string | undefined
  /** The last hold of the previous page. */
  readonly after?: { readonly at: number; readonly id: string } | undefined
}

/**
 * @param periods the periods in which the holds may have been created
 * @returns the newest first
 * @throws the client's error when Redis fails
 */
export async function listHolds(
  deps: Deps,
  { organizationId, periods }: { readonly organizationId: string; readonly periods: readonly Pick<Period, 'name'>[] },
  { limit, holdId, keyId, after }: HoldFilter,
): Promise<OpenHold[]> {
  const keys = periods.map(({ name }) => holdsKey(organizationId, name))
  const request = { ahead: deps.redisAheadMs, limit, id: holdId, key_id: keyId, at: after?.at, after: after?.id }
  const answer = await runScript<(string | number)[]>(deps.redis.of(organizationId), LIST, keys, [
    JSON.stringify(request),
  ])
  return Array.from({ length: answer.length / 3 }, (_, at) => {
    const [period, id, text] = answer.slice(at * 3)
    const name = periods[Number(period)]?.name ?? ''
    return { organizationId, period: name, holdId: String(id), ...parseHold(String(text).slice(1)) }
  })
}

interface StoredHold {
  readonly expires: number
  readonly amounts: Readonly<Record<string, string>>
  /** Absent for holds of earlier versions. */
  readonly about?: { readonly at: number; readonly key_id?: string; readonly subject?: string }
}

function parseHold(text: string) {
  const { expires, amounts, about } = JSON.parse(text) as StoredHold
  const units = Object.entries(amounts).map(([meter, amount]) => [meter, Number(amount)] as const)
  return {
    at: about?.at ?? 0,
    expiresAt: expires,
    keyId: about?.key_id,
    subject: about?.subject,
    amounts: Object.fromEntries(units),
  }
}
