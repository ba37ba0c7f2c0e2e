import { defineScript, runScript } from '../../db/script.ts'
import type { Deps } from '../../deps.ts'
import { errorFields, logRepeated } from '../../lib/log.ts'
import type { CreditReading } from '../../rpc-types.ts'
import { formatUnits } from '../meters/units.ts'
import { COUNTER_FUNCTIONS } from '../scripts/counter.ts'
import { QUOTA_FUNCTIONS } from '../scripts/quota.ts'
import { type CreditState, creditsKey } from './credits.ts'

/** KEYS: the counter, its holds. ARGV: added to the clock (ms). Answer: {used, or -1 if only Postgres knows, held}. */
const LOOK = defineScript(`${QUOTA_FUNCTIONS}${COUNTER_FUNCTIONS}
local read = openCounter(1, {limit = -1, isSeeded = true, isLook = true, balance = {}}, clock(tonumber(ARGV[1])))
return {read and not read.fields.stale and read.used or -1, read and read.held or 0}`)

/** KEYS: counters. Marks those that exist (limits/scripts/counter.ts). */
const RESTART = defineScript(`
for _, key in ipairs(KEYS) do
  if redis.call('HEXISTS', key, 'born') == 1 then redis.call('HSET', key, 'stale', '1') end
end
return 1`)

/** Makes the Postgres part of credits in Redis restart from the next figure of Postgres. @throws when Redis fails */
export async function restartCredits(deps: Deps, organizationIds: readonly string[]): Promise<void> {
  await Promise.all(
    deps.redis
      .group(organizationIds)
      .map((ids) => runScript(deps.redis.of(ids[0] as string), RESTART, ids.map(creditsKey), [])),
  )
}

interface CountedCredits {
  /** Charges since the first grant, in nano-dollars; `undefined` if only Postgres knows. */
  readonly used: number | undefined
  /** Held by open reservations, in nano-dollars. */
  readonly held: number
}

const NOTHING_KNOWN: CountedCredits = { used: undefined, held: 0 }

/** The credits counted in Redis. While it does not respond, nothing is known. */
async function readCounted(deps: Deps, organizationId: string): Promise<CountedCredits> {
  const key = creditsKey(organizationId)
  try {
    const answer = await runScript<[number, number]>(
      deps.redis.of(organizationId),
      LOOK,
      [key, `${key}:holds`],
      [deps.redisAheadMs],
    )
    const [used, held] = answer
    return { used: used < 0 ? undefined : used, held }
  } catch (error) {
    logRepeated('warn', 'held_credits_unread', errorFields(error))
    return NOTHING_KNOWN
  }
}

/** The credits that open reservations hold, in US dollars; 0 while Redis does not respond. */
export async function readHeldCredits(deps: Deps, organizationId: string): Promise<string> {
  return formatUnits('cost_usd', (await readCounted(deps, organizationId)).held)
}

/** The remaining credits of an organization, including calls that Postgres does not have yet, and the held part. */
export async function describeCredits(
  deps: Deps,
  organizationId: string,
  { limit, used: recorded }: CreditState,
): Promise<CreditReading> {
  const { used = 0, held } = await readCounted(deps, organizationId)
  const balance = Math.max(0, limit - Math.max(used, recorded))
  return { balance: formatUnits('cost_usd', balance), held: formatUnits('cost_usd', held) }
}
