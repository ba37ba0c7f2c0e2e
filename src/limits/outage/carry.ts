/**
 * Carries units that this isolate admitted locally to the counters of Redis.
 *
 * They are carried before the next request of the same organization is decided, into the lane of the last generation
 * that the isolate knew. Their events name the same lane, so Postgres settles it (docs/internals/decisions/0008). Units
 * older than some seconds are already in Postgres. So the request is first retried with fresh figures, which
 * replace the units. If Postgres does not respond, the units are added: they may count twice until their lane is
 * settled, but are never lost. If an isolate dies or gets no further request, its units reach the counter with the next
 * fresh row of any isolate, or with the reconciliation that runs every minute.
 */
import { findRedis } from '../../db/redis-databases.ts'
import { defineScript, runScript } from '../../db/script.ts'
import type { Deps } from '../../deps.ts'
import { createLru } from '../../lib/lru.ts'
import { waitFor } from '../../lib/waiting.ts'
import { toWindowKey } from '../admission.ts'
import { counterArguments, listCounterKeys } from '../counter.ts'
import type { LimitRequest } from '../limit-request.ts'
import { retryLost } from '../retry.ts'
import { COUNTER_FUNCTIONS } from '../scripts/counter.ts'
import { QUOTA_FUNCTIONS } from '../scripts/quota.ts'
import { writtenAfterMs } from '../scripts/start.ts'
import { WINDOW_FUNCTIONS } from '../scripts/window.ts'
import { sumBalances, sumCounters, sumQuotas, sumWindows } from './carry-sums.ts'
import { markCarried } from './known.ts'
import { markCountersCarried } from './known-counters.ts'
import { type LocalAdmission, LocalUnits } from './local-units.ts'
import { claimUncounted, keepMarked, type MarkedAdmission, takeMarked } from './marked-admissions.ts'

/**
 * How often a request waits for another one that carries units before it carries them itself. The other one may have been canceled.
 */
const MAX_WAITS = 3
/** How long Redis remembers that a batch arrived. */
const BATCH_MARKER_MS = 600_000

/** What one call carries at most, so that it ends within the timeout of Redis: windows and counters that many requests took units of… */
const MAX_COUNTERS = 200
/** …and requests with a marker. */
const MAX_MARKED = 500

/** What is carried together. It is sent again until a response arrives. */
interface Batch {
  readonly id: string
  readonly admitted: readonly LocalAdmission[]
  readonly marked: readonly MarkedAdmission[]
  /** Set once it is known which of the marked ones Redis has not counted. */
  message: Message | undefined
}

/** Sent to Redis, and sent again unchanged. */
interface Message {
  readonly keys: string[]
  readonly argument: string
  /** Unix milliseconds. */
  readonly builtAt: number
}

interface Pending {
  readonly admitted: LocalUnits
  /** By their markers' keys. */
  readonly marked: Map<string, MarkedAdmission>
  unsent: Batch | undefined
  /** Whether a request was sent back for fresh figures since everything was last carried. */
  hasAskedPostgres: boolean
  /** Set while units are being added. Others wait, so that they are decided by counters that include these units. */
  carrying: Promise<void> | undefined
}

/** By organization. */
const pending = createLru<Pending>(10_000)
/** By limit of Tollgate's own endpoints: callers whom nobody knows must not displace organizations. */
const pendingOfEndpoints = createLru<Pending>(1_000)
let isAnyPending = false

/** What is decided next. Without a quota its first window is the owner of what is carried. */
export type Decided = Pick<LimitRequest, 'quota' | 'organizationId'> & Partial<Pick<LimitRequest, 'windows'>>

function selectPending({ quota, windows }: Partial<Pick<LimitRequest, 'quota' | 'windows'>>) {
  return quota ? ([pending, quota.organizationId] as const) : ([pendingOfEndpoints, windows?.[0].key ?? ''] as const)
}

/**
 * KEYS: windows, then quotas, then counters and their holds (scripts/counter.ts), then the marker of the batch. ARGV[1]:
 * JSON of `windows` of { ms, units }, `quotas` of { generation or -1, units by meter }, `counters` with `units`, a list of { ms ago, units },
 * and, after them, `balances` with `units` and `quota`, the index of the quota whose generation they belong to. ARGV[2]: added to the clock (ms). ARGV[3]: lifetime of the marker
 * (ms). ARGV[4]: how long ago the batch was built (ms). ARGV[5]: how long after an admission Postgres may not have it yet (ms).
 * Idempotent per batch.
 *
 * Units of a window count from now on, because the isolate's clock differs from that of Redis. If Redis does not have
 * the quota or the balance, its units wait beside it (`carried:…`) until it is started. A settled generation has the figures of
 * Postgres and is not changed. Units of a lost counter wait as well; a seed that was read after they were written includes them.
 */
const CARRY = defineScript(`${QUOTA_FUNCTIONS}${COUNTER_FUNCTIONS}${WINDOW_FUNCTIONS}
local request = cjson.decode(ARGV[1])
if not redis.call('SET', KEYS[#KEYS], 1, 'NX', 'PX', ARGV[3]) then
  redis.call('PEXPIRE', KEYS[#KEYS], ARGV[3])
  return 0
end
local clock = clock(tonumber(ARGV[2]))
for i, window in ipairs(request.windows) do
  local read = readWindow(redis.call('GET', KEYS[i]), window, clock)
  addToWindow(read, read.current, window.units)
  writeWindow(KEYS[i], read, window)
end
local settled = {}
for i, quota in ipairs(request.quotas) do
  local key = KEYS[#request.windows + i]
  local state = readQuota(key)
  local function add(field, units) set(state, field, (state[field] or 0) + units) end
  local isSettled = quota.generation >= 0 and quota.generation <= (state.settled or -1)
  settled[i] = isSettled
  for meter, units in pairs(quota.units) do
    if not state.born then
      add('carried:' .. meter, units)
    elseif not isSettled then
      add(meter, units)
      if isLaned(meter) and quota.generation >= 0 then
        add(toLane(meter, quota.generation), units)
      elseif isLaned(meter) then
        set(state, 'laneless', clock)
      end
    end
  end
  if not state.born then lives[state] = {'PX', ARGV[3]} end
  saveQuota(key, state)
end
for i, counter in ipairs(request.counters) do
  local at = #request.windows + #request.quotas + i * 3 - 2
  local read = openCounter(at, counter, clock)
  for _, part in ipairs(counter.units) do
    local taken = clock - part[1] - tonumber(ARGV[4])
    if not read and counter.from then
      keepLate(KEYS[at], 'unwritten:' .. whole(taken + tonumber(ARGV[5])), part[2])
    elseif read and not counter.recorded and taken + tonumber(ARGV[5]) >= (read.fields.seeded or 0) then
      addUnits(read, counter, part[2])
    end
  end
end
for i, balance in ipairs(request.balances) do
  local at = #request.windows + #request.quotas + (#request.counters + i) * 3 - 2
  local generation = request.quotas[balance.quota].generation
  if redis.call('HEXISTS', KEYS[at], 'born') == 0 then
    redis.call('HINCRBY', KEYS[at], 'carried:' .. whole(generation < 0 and -1 or generation % 2), whole(balance.units))
    redis.call('PEXPIRE', KEYS[at], ARGV[3])
  elseif not settled[balance.quota] then
    addUnits(openCounter(at, balance, clock), balance, balance.units, nil, generation)
  end
end
return 1`)

/** Stores an admission that was made without Redis. */
export function keepForLater(request: LimitRequest, generation: number | undefined): void {
  const [all, owner] = selectPending(request)
  const known = all.get(owner) ?? newPending()
  const { once } = request
  if (once) keepMarked(known, { request, generation, once })
  else known.admitted.add({ request, generation })
  all.set(owner, known)
  isAnyPending = true
}

/** @returns the local admission of the same idempotency key, if it was not carried yet */
export function findPending(request: LimitRequest): MarkedAdmission | undefined {
  const [all, owner] = selectPending(request)
  const { marked, unsent } = all.get(owner) ?? {}
  const { key = '', isOwn = false } = request.once ?? {}
  if (isOwn) return undefined // nobody repeats it
  return marked?.get(key) ?? unsent?.marked.find(({ once }) => once.key === key)
}

function markAll({ request }: LocalAdmission): void {
  markCarried(request)
  if (request.counters) markCountersCarried(request.counters, request.now)
}

const newPending = (): Pending => ({
  admitted: new LocalUnits(markAll),
  marked: new Map(),
  unsent: undefined,
  hasAskedPostgres: false,
  carrying: undefined,
})

/**
 * Carries what this isolate admitted locally to the counters that will decide a request.
 *
 * @returns whether the request must be retried with fresh figures, because Postgres already has some of the units
 * @throws the client's error when Redis fails; the units stay pending
 */
export async function carryPending(deps: Deps, request: Decided): Promise<boolean> {
  if (!isAnyPending) return false
  const [all, owner] = selectPending(request)
  const known = all.get(owner)
  if (!known) return false
  await waitForOthers(known, deps.config.REDIS_TIMEOUT_MS)
  if (isEmpty(known) && !known.unsent) return false
  if (needsPostgres(deps, known, request)) {
    known.hasAskedPostgres = true
    return true
  }
  const carrying = carry(deps, known, request)
  const ended = carrying.catch(() => undefined)
  known.carrying = ended
  try {
    await carrying
  } finally {
    if (known.carrying === ended) known.carrying = undefined
  }
  return false
}

const isEmpty = ({ admitted, marked }: Pending) => admitted.isEmpty && marked.size === 0

async function waitForOthers(known: Pending, timeoutMs: number): Promise<void> {
  for (let waits = 0; known.carrying && waits < MAX_WAITS; waits++) await waitFor(known.carrying, timeoutMs)
}

/** True once per batch. If no fresh figures arrive, Postgres does not respond, and all units are added. */
function needsPostgres(deps: Deps, { admitted, marked, hasAskedPostgres }: Pending, { quota }: Decided): boolean {
  if (!quota || quota.isFresh || hasAskedPostgres) return false
  const [oldestMarked] = marked.values()
  return [admitted.oldestAt, oldestMarked?.request.now].some((at) => at !== undefined && isWritten(deps, at))
}

const isWritten = (deps: Deps, at: number) => deps.now() - at > writtenAfterMs(deps)

/** Sends one batch after the other: a batch whose response was lost is sent again before a new one is built. */
async function carry(deps: Deps, known: Pending, { quota, organizationId }: Decided): Promise<void> {
  while (known.unsent || !isEmpty(known)) {
    const batch = known.unsent ?? takeBatch(known)
    known.unsent = batch
    await retryLost(deps, organizationId, () => send(deps, batch, { organizationId, isFresh: quota?.isFresh ?? false }))
    // another request sent it as well, so what it sends next must also arrive before this request is decided
    if (known.unsent !== batch) continue
    known.unsent = undefined
    for (const one of [...batch.admitted, ...batch.marked]) markAll(one)
  }
  known.hasAskedPostgres = false
}

function takeBatch(known: Pending): Batch {
  const [admitted, marked] = [known.admitted.take(MAX_COUNTERS), takeMarked(known, MAX_MARKED)]
  return { id: crypto.randomUUID(), admitted, marked, message: undefined }
}

interface Destination {
  readonly organizationId: string | undefined
  /** Whether the next request has fresh figures of Postgres, which include written units. */
  readonly isFresh: boolean
}

async function send(deps: Deps, batch: Batch, { organizationId, isFresh }: Destination): Promise<void> {
  const redis = findRedis(deps, organizationId)
  const uncounted = batch.message ? [] : await claimUncounted(redis, batch.id, batch.marked)
  batch.message ??= buildMessage(deps, batch.id, [...batch.admitted, ...uncounted], isFresh)
  const { keys, argument, builtAt } = batch.message
  const ago = Math.max(0, deps.now() - builtAt)
  await runScript(redis, CARRY, keys, [argument, deps.redisAheadMs, BATCH_MARKER_MS, ago, writtenAfterMs(deps)])
}

function buildMessage(deps: Deps, id: string, admitted: readonly LocalAdmission[], isFresh: boolean): Message {
  const now = deps.now()
  const windows = sumWindows(admitted, now)
  const unwritten = admitted.filter((one) => !(isFresh && isWritten(deps, one.request.now)))
  const quotas = sumQuotas(unwritten)
  const lanes = [...quotas.values()]
  const [counters, balances] = [sumCounters(admitted, now), sumBalances(unwritten, [...quotas.keys()])]
  return {
    builtAt: now,
    keys: [
      ...[...windows.keys()].map(toWindowKey),
      ...lanes.map(({ key }) => key),
      ...listCounterKeys([...counters, ...balances]),
      `carried:${id}`,
    ],
    argument: JSON.stringify({
      windows: [...windows.values()],
      quotas: lanes.map(({ generation, units }) => ({ generation, units })),
      counters: counterArguments(counters, ({ parts }) => ({ units: [...parts] })),
      balances: counterArguments(balances, ({ cost, quota }) => ({ units: cost, quota, isLook: true })),
    }),
  }
}
