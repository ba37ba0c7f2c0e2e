import * as z from 'zod'

const DOOR_NAMES = [
  'sql',
  'redis',
  'redis_2',
  'mail',
  'breached',
  'disposable',
  'turnstile',
  'dns',
  'webhooks',
  'issuers',
  'oidc',
  'polar',
  'stripe',
  'model',
] as const

/** The services that count requests and can be made to fail. */
export type ServiceName = (typeof DOOR_NAMES)[number]

const MAX_DELAY_MS = 600_000

const aim = {
  door: z.enum(DOOR_NAMES),
  /** only requests whose body (or path and query, if there is no body) contain this text, or all of these */
  match: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).optional(),
  /** only every n-th of those requests */
  every: z.int().min(1).default(1),
  /** removed after this many hits */
  count: z.int().min(1).optional(),
}

/**
 * A requested fault; `value` is the milliseconds of a delay, the code of a status, or the requests per second that a rate
 * allows. Other kinds have none. A rate answers the other requests with 429 and `Retry-After`.
 */
export const FaultBody = z.discriminatedUnion('kind', [
  z.strictObject({ ...aim, kind: z.literal('delay'), value: z.int().min(0).max(MAX_DELAY_MS) }),
  z.strictObject({ ...aim, kind: z.literal('status'), value: z.int().min(400).max(599) }),
  z.strictObject({ ...aim, kind: z.literal('rate'), value: z.int().min(1) }),
  z.strictObject({ ...aim, kind: z.enum(['hang', 'reset_before', 'reset_after', 'truncate']) }),
])

export type Fault = z.infer<typeof FaultBody>

/** An active fault, with the number of requests it looked at and of those it hit. */
type ActiveFault = Fault & { seen: number; hits: number; second: number; passed: number }

type ListedFault = Fault & Pick<ActiveFault, 'seen' | 'hits'>

export interface Faults {
  add(fault: Fault): ListedFault
  list(): ListedFault[]
  /** Removes all faults and releases the requests that hang. */
  clear(): void
  /** @returns the first fault, in the order of adding, that hits this request; it counts as a hit */
  strike(door: ServiceName, body: string): Fault | undefined
  /** Settles at the next `clear`. */
  cleared(): Promise<void>
}

/** The list of active faults. It only decides; apply-fault.ts applies a fault to a request. */
export function createFaults(): Faults {
  let active: ActiveFault[] = []
  let next = Promise.withResolvers<void>()
  return {
    add(fault) {
      const added = { ...fault, seen: 0, hits: 0, second: 0, passed: 0 }
      active.push(added)
      return list(added)
    },
    list: () => active.map(list),
    clear() {
      active = []
      next.resolve()
      next = Promise.withResolvers<void>()
    },
    strike(door, body) {
      const hit = active.find((fault) => hits(fault, door, body))
      active = active.filter((fault) => fault.count === undefined || fault.hits < fault.count)
      return hit
    },
    cleared: () => next.promise,
  }
}

function list(active: ActiveFault): ListedFault {
  const { second: _second, passed: _passed, ...fault } = active
  return fault
}

/** Quotes are escaped inside JSON bodies, so `insert into "users"` is also found as people write it. */
function hits(fault: ActiveFault, door: ServiceName, body: string): boolean {
  if (fault.door !== door) return false
  const texts = fault.match === undefined ? [] : [fault.match].flat()
  if (!texts.every((text) => body.includes(text) || body.replaceAll('\\"', '"').includes(text))) return false
  fault.seen += 1
  if (fault.seen % fault.every !== 0) return false
  if (fault.kind === 'rate' && isWithin(fault, fault.value)) return false
  fault.hits += 1
  return true
}

/** Whether this request is one of those that a rate allows in this second. */
function isWithin(fault: ActiveFault, perSecond: number): boolean {
  const second = Math.floor(Date.now() / 1_000)
  if (second !== fault.second) Object.assign(fault, { second, passed: 0 })
  fault.passed += 1
  return fault.passed <= perSecond
}
