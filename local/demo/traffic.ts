import { uuidv7 } from '../../src/lib/uuid.ts'
import type { UsageEvent } from '../../src/metering/event.ts'
import { VERIFICATION } from '../../src/metering/event.ts'
import { priceTokens } from '../../src/usage/pricing/price.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
export const DEMO_DAYS = 60

/** The share of a day's traffic in each hour (UTC): a working day in Europe, plus programs that never sleep. */
const HOURS = [2, 2, 1, 1, 1, 2, 4, 8, 13, 16, 17, 16, 13, 15, 17, 16, 14, 11, 8, 7, 6, 5, 4, 3]
const HOURS_SUM = HOURS.reduce((sum, share) => sum + share)
/** From Sunday to Saturday. */
const WEEKDAYS = [0.3, 1.05, 1.15, 1.2, 1.1, 0.95, 0.35]

interface Endpoint {
  readonly path: string
  readonly method: string
  readonly weight: number
  /** What it requests of a model: the usual input and output tokens. Absent if it uses no model. */
  readonly tokens?: readonly [input: number, output: number]
  readonly usualMs: number
  /** The maximum of pages in a call. */
  readonly pages?: number
}

export interface Traffic {
  /** Calls a day at the end of the span, on an average day. */
  readonly callsPerDay: number
  /** The same at its beginning, as a share of `callsPerDay`. */
  readonly startsAt: number
  /** How many days ago the last call was made. */
  readonly endedDaysAgo: number
  /** As fractions: calls that fail, and calls that a rate limit refuses. */
  readonly failing: number
  readonly refused: number
  /** A bad day: more than a third of its calls failed. */
  readonly badDayAgo?: number
  readonly endpoints: readonly Endpoint[]
  readonly models: readonly { readonly provider: string; readonly model: string; readonly weight: number }[]
}

/** A key that makes calls. */
export interface Caller {
  readonly keyId: string
  readonly environment: 'live' | 'test'
  readonly weight: number
}

interface World {
  readonly organizationId: string
  readonly callers: readonly Caller[]
  readonly now: number
}

/** @returns the usage of 60 days, oldest first: the same shape at every start, as if it had been verified and reported */
export function makeUsage(traffic: Traffic, world: World): UsageEvent[] {
  const random = seededRandom(traffic.callsPerDay)
  const events: UsageEvent[] = []
  const first = Math.floor((world.now - DEMO_DAYS * DAY_MS) / HOUR_MS) * HOUR_MS
  for (let hour = first; hour <= world.now - traffic.endedDaysAgo * DAY_MS; hour += HOUR_MS) {
    const times = Array.from({ length: callsIn(traffic, hour, world.now, random) }, () => hour + random() * HOUR_MS)
    const past = times.filter((at) => at < world.now - 60_000).toSorted((a, b) => a - b)
    events.push(...past.map((at) => makeCall(traffic, world, Math.floor(at), random)))
  }
  return events
}

function callsIn({ callsPerDay, startsAt }: Traffic, hour: number, now: number, random: () => number): number {
  const time = new Date(hour)
  const age = (now - hour) / (DEMO_DAYS * DAY_MS)
  const share = ((HOURS[time.getUTCHours()] ?? 0) / HOURS_SUM) * (WEEKDAYS[time.getUTCDay()] ?? 1)
  const wanted = callsPerDay * (1 - age * (1 - startsAt)) * share * (0.7 + 0.6 * random())
  return Math.floor(wanted + random()) // on average what is wanted
}

function makeCall(traffic: Traffic, world: World, at: number, random: () => number): UsageEvent {
  const { keyId, environment } = pick(world.callers, random)
  const { path, method, tokens, usualMs, pages } = pick(traffic.endpoints, random)
  const call = {
    id: uuidv7(at),
    source: VERIFICATION,
    organization_id: world.organizationId,
    occurred_at: new Date(at).toISOString(),
    key_id: keyId,
    environment,
    ...(environment === 'live' && { subject: nameUser(at) }),
    endpoint: path,
    method,
    user_agent: 'tollgate-demo/1.0',
  }
  if (random() < traffic.refused) return { ...call, status_code: 429, error_code: 'RATE_LIMITED', response_time_ms: 3 }
  const counted = { ...call, api_calls: 1, response_time_ms: Math.round(usualMs * (0.5 + 3 * random() ** 3)) }
  if (random() < chanceToFail(traffic, world.now, at))
    return { ...counted, status_code: random() < 0.6 ? 500 : 400, error_message: 'The upstream did not answer.' }
  const own = pages === undefined ? {} : { quantities: { pages: 1 + (at % pages) } }
  if (!tokens) return { ...counted, status_code: 200, queries: 1, ...own }
  return { ...counted, status_code: 200, queries: 1, ...useModel(traffic, tokens, at, random) }
}

/** One of 40 users of a key; the first of them call most. Derived from the time, so that the random sequence does not change. */
const nameUser = (at: number) => `user-${40 - Math.floor(Math.sqrt(at % 1_600))}`

function chanceToFail({ failing, badDayAgo }: Traffic, now: number, at: number): number {
  return badDayAgo !== undefined && Math.floor((now - at) / DAY_MS) === badDayAgo ? 0.35 : failing
}

function useModel(traffic: Traffic, usual: readonly [number, number], at: number, random: () => number) {
  const { provider, model } = pick(traffic.models, random)
  const [inputTokens, outputTokens] = usual.map((amount) => Math.round(amount * (0.4 + 1.2 * random()))) as [
    number,
    number,
  ]
  const cachedTokens = random() < 0.3 ? Math.floor(inputTokens / 2) : 0
  const cost = priceTokens({ provider, model, at, inputTokens, outputTokens, cachedTokens })
  return {
    provider,
    model,
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    cached_tokens: cachedTokens,
    cost_usd: cost ?? null,
  }
}

function pick<Weighted extends { readonly weight: number }>(
  choices: readonly Weighted[],
  random: () => number,
): Weighted {
  let left = random() * choices.reduce((sum, { weight }) => sum + weight, 0)
  const chosen = choices.find(({ weight }) => (left -= weight) < 0) ?? choices.at(-1)
  if (!chosen) throw new Error('There is nothing to choose from.')
  return chosen
}

/** Numbers from 0 to 1 that are the same at every start (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
