/** What is measured, against which Worker, with which keys. */
import type { World } from './bench-world.ts'
import type { Load } from './load.ts'
import { type Bundle, buildWorker, type Service } from './worker.ts'

/** More than a second's worth of any machine, so that each of them stays quiet. */
const QUIET_KEYS = 2_000
/** More than the isolate remembers, so that a round finds none of them in memory. */
const COLD_KEYS = 15_000
const UNLIMITED = { perMinute: 1_000_000_000, quota: null }

export type Bundles = Readonly<Record<'empty' | 'tollgate' | 'caller' | 'naive', Bundle>>

export async function buildAll(): Promise<Bundles> {
  const [empty, tollgate, caller, naive] = await Promise.all([
    buildWorker('bench/bench-empty-worker.ts'),
    buildWorker('src/index.ts'),
    buildWorker('bench/bench-caller-worker.ts'),
    buildWorker('bench/naive-worker.ts'),
  ])
  return { empty, tollgate, caller, naive }
}

export interface Case {
  readonly name: string
  /** The first one is asked. */
  readonly services: Readonly<Record<string, Service>>
  readonly path: string
  readonly how: Pick<Load, 'method' | 'headers' | 'body'>
  /** So many requests go first, to fill memories; some seconds of the same load where absent. */
  readonly warmUp?: number | undefined
}

/** All cases of a run, in the order of the report. */
export async function casesOf(world: World, bundles: Bundles): Promise<Case[]> {
  const {
    keys: [busy = ''],
  } = await world.issueKeys(1, UNLIMITED)
  const { keys: quiet } = await world.issueKeys(QUIET_KEYS, UNLIMITED)
  const { keys: cold } = await world.issueKeys(COLD_KEYS, UNLIMITED)
  const mistyped = busy.slice(0, -1) + (busy.endsWith('0') ? '1' : '0')
  const asked = {
    busy: { body: bodyOf(busy), warmUp: undefined },
    quiet: { body: cycling(quiet), warmUp: QUIET_KEYS },
    cold: { body: cycling(cold), warmUp: 1 },
    invalid: { body: bodyOf(mistyped), warmUp: undefined },
  }
  const tollgate = { bundle: bundles.tollgate, variables: world.variables }
  const caller = { bundle: bundles.caller, bindings: { TOLLGATE: { service: 'tollgate', entrypoint: 'Tollgate' } } }
  const { empty, naive } = bundles
  return [
    { name: 'empty', services: { empty: { bundle: empty } }, path: '/', how: {} },
    { name: 'json', services: { empty: { bundle: empty } }, path: '/json', how: post(world, asked.busy.body) },
    { name: 'same', services: { empty: { bundle: empty } }, path: '/same', how: post(world, asked.busy.body) },
    ...Object.entries(asked).map(([name, { body, warmUp }]) => ({
      name: `http ${name}`,
      services: { tollgate },
      path: '/api/v1/keys/verify',
      how: post(world, body),
      warmUp,
    })),
    ...Object.entries(asked).map(([name, { body, warmUp }]) => ({
      name: `rpc ${name}`,
      services: { caller, tollgate },
      path: '/',
      how: post(world, body),
      warmUp,
    })),
    {
      name: 'naive',
      services: { naive: { bundle: naive, variables: world.variables } },
      path: '/',
      how: post(world, asked.busy.body),
    },
  ]
}

const bodyOf = (key: string) => JSON.stringify({ key, endpoint: '/v1/answers', method: 'GET' })

function cycling(keys: readonly string[]): (n: number) => string {
  const bodies = keys.map(bodyOf)
  return (n) => bodies[n % bodies.length] ?? ''
}

/** As a back end asks, from behind Cloudflare's edge. */
const post = (world: World, body: string | ((n: number) => string)) => ({
  method: 'POST' as const,
  headers: {
    Authorization: `Bearer ${world.serviceKey}`,
    'CF-Connecting-IP': '203.0.113.9',
    'User-Agent': 'bench',
  },
  body,
})
