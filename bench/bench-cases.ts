/** The measured cases: against which Worker, with which keys. */
import type { World } from './bench-world.ts'
import { buildGatewayCases } from './gateway-cases.ts'
import type { Load } from './load.ts'
import { type Bundle, buildWorker, type Service } from './worker.ts'

const SIGN_IN_RATE = 200
/** The two cases whose p99 is compared: verifications without concurrent sign-ins, and with some. */
export const ALONE = `http busy at ${SIGN_IN_RATE}/s`
export const BESIDE_SIGN_INS = `http busy beside sign-ins at ${SIGN_IN_RATE}/s`

/** More than any machine verifies in a second, so that each of them stays quiet. */
const QUIET_KEYS = 2_000
/** More than the isolate caches, so that a round finds none of them in memory. */
const COLD_KEYS = 15_000
/** Per second: the rates at which one busy key is measured. */
const BUSY_RATES = [10, 20, 50, 200]
/** Per second in total: the rate at which the others are measured, each of a different organization than the one before. */
const OTHER_RATE = 20
const STEADY_ORGANIZATIONS = 100
/** Per second, concurrently with a busy key. */
const SIGN_INS = 5
const PEOPLE = 20
/** Per organization, so that none comes twice. */
const STEADY_COLD_KEYS = 10
const UNLIMITED = { perMinute: 1_000_000_000, quota: null }

export type Bundles = Readonly<Record<'empty' | 'tollgate' | 'caller' | 'naive' | 'forward', Bundle>>

export async function buildAll(): Promise<Bundles> {
  const [empty, tollgate, caller, naive, forward] = await Promise.all([
    buildWorker('bench/bench-empty-worker.ts'),
    buildWorker('src/index.ts'),
    buildWorker('bench/bench-caller-worker.ts'),
    buildWorker('bench/naive-worker.ts'),
    buildWorker('bench/forward-worker.ts'),
  ])
  return { empty, tollgate, caller, naive, forward }
}

export interface Case {
  readonly name: string
  /** Requests go to the first one. */
  readonly services: Readonly<Record<string, Service>>
  readonly path: string
  readonly how: Pick<Load, 'method' | 'headers' | 'body' | 'expected'>
  /** Requests to send first, to fill caches; if absent, some seconds of the same load. */
  readonly warmUp?: number | undefined
  /** Requests per second; if absent, as many as possible. */
  readonly rate?: number
  /** Requests to send before that, so that functions are compiled. */
  readonly before?: Pick<Load, 'body'>
  /** Concurrent requests to the same Worker, at a rate of their own. */
  readonly beside?: Pick<Case, 'path' | 'how'> & { readonly rate: number }
}

const VALID = '"code":"VALID"'
const NOT_FOUND = '"code":"NOT_FOUND"'

/** All cases of a run, in the order of the report. @param upstreamUrl the gateway's upstream */
export async function buildCases(world: World, bundles: Bundles, upstreamUrl: string): Promise<Case[]> {
  const {
    keys: [busy = ''],
  } = await world.issueKeys(1, UNLIMITED)
  const { keys: quiet } = await world.issueKeys(QUIET_KEYS, UNLIMITED)
  const { keys: cold } = await world.issueKeys(COLD_KEYS, UNLIMITED)
  const mistyped = busy.slice(0, -1) + (busy.endsWith('0') ? '1' : '0')
  const asked = {
    busy: { how: post(world, buildBody(busy), VALID), warmUp: undefined },
    quiet: { how: post(world, cycling(quiet), VALID), warmUp: QUIET_KEYS },
    cold: { how: post(world, cycling(cold), VALID), warmUp: 1 },
    invalid: { how: post(world, buildBody(mistyped), NOT_FOUND), warmUp: undefined },
  }
  const tollgate = { bundle: bundles.tollgate, variables: world.variables }
  const caller = { bundle: bundles.caller, bindings: { TOLLGATE: { service: 'tollgate', entrypoint: 'Tollgate' } } }
  const { empty, naive, forward } = bundles
  return [
    { name: 'empty', services: { empty: { bundle: empty } }, path: '/', how: { expected: 'ok' } },
    { name: 'json', services: { empty: { bundle: empty } }, path: '/json', how: { ...asked.busy.how, expected: busy } },
    { name: 'same', services: { empty: { bundle: empty } }, path: '/same', how: asked.busy.how },
    ...Object.entries(asked).map(([name, { how, warmUp }]) => ({
      name: `http ${name}`,
      services: { tollgate },
      path: '/api/v1/keys/verify',
      how,
      warmUp,
    })),
    ...Object.entries(asked).map(([name, { how, warmUp }]) => ({
      name: `rpc ${name}`,
      services: { caller, tollgate },
      path: '/',
      how,
      warmUp,
    })),
    {
      name: 'naive',
      services: { naive: { bundle: naive, variables: world.variables } },
      path: '/',
      how: asked.busy.how,
    },
    ...(await buildGatewayCases(world, { tollgate, forward, upstreamUrl, key: busy })),
  ]
}

/**
 * Cases at a fixed rate, as in a deployment: leases and batches save less at a lower rate. Functions are
 * compiled by a load with a key that is not measured.
 */
export async function buildSteadyCases(world: World, { tollgate, naive }: Bundles): Promise<Case[]> {
  const { keys } = await world.issueKeys(BUSY_RATES.length + 2, UNLIMITED)
  const quiet = cycling(await spread(world, 1))
  const cold = cycling(await spread(world, STEADY_COLD_KEYS))
  const before = { body: buildBody(keys.at(-1) ?? '') }
  const signIns = {
    path: '/api/v1/auth/login',
    how: signIn(await world.registerPeople(PEOPLE)),
    rate: SIGN_INS,
  }
  const services = { tollgate: { bundle: tollgate, variables: world.variables } }
  const verified = (name: string, body: Load['body'], rate: number, warmUp?: number): Case => ({
    name: `http ${name} at ${rate}/s`,
    services,
    path: '/api/v1/keys/verify',
    how: post(world, body, VALID),
    warmUp,
    rate,
    before,
  })
  return [
    ...BUSY_RATES.map((rate, at) => verified('busy', buildBody(keys[at] ?? ''), rate)),
    {
      ...verified('busy', buildBody(keys[BUSY_RATES.length] ?? ''), SIGN_IN_RATE),
      name: BESIDE_SIGN_INS,
      beside: signIns,
    },
    verified('quiet', quiet, OTHER_RATE, STEADY_ORGANIZATIONS),
    verified('cold', cold, OTHER_RATE, STEADY_ORGANIZATIONS), // another key of each organization: Redis has their quotas
    {
      name: `naive at ${OTHER_RATE}/s`,
      services: { naive: { bundle: naive, variables: world.variables } },
      path: '/',
      how: post(world, before.body, VALID),
      rate: OTHER_RATE,
    },
  ]
}

/** This many keys of each organization, alternating between the organizations. */
async function spread(world: World, count: number): Promise<string[]> {
  const issuing = Array.from({ length: STEADY_ORGANIZATIONS }, () => world.issueKeys(count, UNLIMITED))
  const holders = await Promise.all(issuing)
  return Array.from({ length: count }, (_, at) => holders.map(({ keys }) => keys[at] ?? '')).flat()
}

const buildBody = (key: string) => JSON.stringify({ key, endpoint: '/v1/answers', method: 'GET' })

/** Continues with the next key across loads, so that keys of the warm-up do not come again in a cold case. */
function cycling(keys: readonly string[]): () => string {
  const bodies = keys.map(buildBody)
  let asked = 0
  return () => bodies[asked++ % bodies.length] ?? ''
}

/** Sign-ins, as by people of one office. */
function signIn(bodies: readonly string[]): Case['how'] {
  let asked = 0
  const [one, other] = crypto.randomUUID().split('-').slice(1)
  const network = `2001:db8:${one}:${other}::1` // limits outlast a run
  return {
    method: 'POST',
    headers: { 'CF-Connecting-IP': network, 'User-Agent': 'bench' },
    body: () => bodies[asked++ % bodies.length] ?? '',
    expected: '"access_token"',
  }
}

/** A request as from a back end, behind Cloudflare's edge. */
const post = (world: World, body: Load['body'], expected: string) => ({
  method: 'POST' as const,
  headers: {
    Authorization: `Bearer ${world.serviceKey}`,
    'CF-Connecting-IP': '203.0.113.9',
    'User-Agent': 'bench',
  },
  ...(body !== undefined && { body }),
  expected,
})
