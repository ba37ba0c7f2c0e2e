/** Uncounted usage: one event does not hold up the others, and nothing is lost silently. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterEach, beforeEach, expect, type MockInstance, test, vi } from 'vitest'
import type { LostEvent, Tollgate, TollgateOptions, UsageEvent } from '../../../packages/tollgate/src/index.ts'

const SOURCE = 'packages/tollgate/src/index.ts'
const ACCEPTED = { accepted: 1, duplicates: 0, conflicts: [], rejected: [] }

let warnings: MockInstance<typeof console.warn>

beforeEach(() => {
  vi.resetModules() // warnings are remembered as long as the module lives
  vi.useFakeTimers({ toFake: ['Date'] })
  warnings = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const said = () => warnings.mock.calls.map(([message]) => message as string)

/** A client whose requests are answered in this test. */
async function connect(usage: TollgateOptions['usage'], status = 200) {
  const { Tollgate } = await import('../../../packages/tollgate/src/index.ts')
  const sent: UsageEvent[] = []
  async function fetch(request: Request): Promise<Response> {
    const { events } = (await request.json()) as { events: UsageEvent[] }
    sent.push(...events)
    return Response.json(status === 200 ? ACCEPTED : { code: 'invalid_request', title: 'No.', status }, { status })
  }
  const tollgate = new Tollgate({
    baseUrl: 'https://tollgate.example.com',
    serviceKey: 'svc',
    retries: 0,
    usage: { flushIntervalMs: 60_000, ...usage },
    fetch,
  })
  return { tollgate, sent }
}

const cycle: Record<string, unknown> = {}
cycle.itself = cycle
const record = ({ usage }: Tollgate, ...events: unknown[]) => usage.record(events as UsageEvent[])

test.each([
  ['a BigInt', { key_id: 'bad', tokens: 1n }],
  ['a cycle', { key_id: 'bad', metadata: cycle }],
  ['nothing at all', null],
])('%s is handed back as rejected, and the events around it are sent', async (_, bad) => {
  const lost: LostEvent[] = []
  const { tollgate, sent } = await connect({ onLost: (events) => lost.push(...events) })
  record(tollgate, { key_id: 'a' }, bad, { key_id: 'b' })
  await tollgate.usage.flush()
  record(tollgate, { key_id: 'c' })
  await tollgate.usage.flush()
  expect(sent.map(({ key_id }) => key_id)).toEqual(['a', 'b', 'c'])
  expect(lost).toEqual([{ event: bad, reason: 'rejected' }])
})

test('an event that is changed after it was recorded is sent as it was', async () => {
  const { tollgate, sent } = await connect({})
  const metadata: Record<string, unknown> = { page: 1 }
  record(tollgate, { key_id: 'a', metadata })
  metadata.page = cycle
  await tollgate.usage.flush()
  expect(sent).toMatchObject([{ key_id: 'a', metadata: { page: 1 } }])
})

test('without onLost a warning says how many events were lost and why, once a minute per reason', async () => {
  const { tollgate } = await connect({ maxQueued: 1 }, 400)
  record(tollgate, { key_id: 'a' }, { key_id: 'b' }, { key_id: 'c' })
  await tollgate.usage.flush()
  record(tollgate, { key_id: 'd' }, { key_id: 'e' })
  const another = await connect({ maxQueued: 0 })
  record(another.tollgate, { key_id: 'f' })
  const line = (count: number, reason: string) =>
    `tollgate: ${count} usage events were not counted: ${reason}. Give usage.onLost to get them.`
  expect(said()).toEqual([line(2, 'queue_full'), line(1, 'invalid_request')])

  vi.setSystemTime(Date.now() + 60_000)
  record(another.tollgate, { key_id: 'g' })
  expect(said().slice(2)).toEqual([line(3, 'queue_full')])
})

test('with onLost nothing is warned about, and its failure does not stop the sending', async () => {
  let calls = 0
  const fail = () => {
    if (calls++ > 0) throw new Error('The log is full.')
  }
  const { tollgate, sent } = await connect({ batchSize: 1, onLost: fail }, 400)
  record(tollgate, { key_id: 'a' }, { key_id: 'b' })
  await tollgate.usage.flush()
  expect(sent.map(({ key_id }) => key_id)).toEqual(['a', 'b'])
  expect([calls, said()]).toEqual([2, ['tollgate: usage.onLost failed for 1 usage events']])
})

/** Runs a separate program that uses the client. */
async function run(options: string, program: string) {
  const { outputFiles } = await build({ entryPoints: [SOURCE], bundle: true, write: false, format: 'esm' })
  const code = `${outputFiles[0]?.text}
const fetch = (request) => new Promise(() => {})
const options = { baseUrl: 'http://127.0.0.1:9', serviceKey: 'svc', fetch, usage: { flushIntervalMs: 60_000 }, ${options} }
const tollgate = new Tollgate(options)
${program}`
  const began = performance.now()
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code])
  return { stdout, stderr, ms: performance.now() - began }
}

const CLOSED = (count: number) =>
  `tollgate: ${count} usage events were not counted: closed. Give usage.onLost to get them.\n`

test('a program that ends reports how many events it did not send, and does not wait for them', async () => {
  const waiting = await run('', `tollgate.usage.record([{ key_id: 'a' }, { key_id: 'b' }])`)
  expect([waiting.stderr, waiting.ms < 30_000]).toEqual([CLOSED(2), true])

  const ending = `tollgate.usage.record({ key_id: 'a' })
    void tollgate.usage.flush()
    tollgate.usage.record({ key_id: 'b' })
    setTimeout(() => process.exit(0), 50)`
  expect((await run('', ending)).stderr).toBe(CLOSED(2))
})

test('a program that ends passes them to onLost, and one that has sent everything says nothing', async () => {
  const usage =
    'usage: { onLost: (lost) => console.log(lost.map(({ event, reason }) => `${event.key_id} ${reason}`).join()) }'
  const ended = await run(usage, `tollgate.usage.record([{ key_id: 'a' }, { key_id: 'b' }])`)
  expect([ended.stdout, ended.stderr]).toEqual(['a closed,b closed\n', ''])

  const answers = `fetch: async () => Response.json(${JSON.stringify(ACCEPTED)})`
  const sent = await run(answers, `tollgate.usage.record({ key_id: 'a' }); await tollgate.usage.flush()`)
  expect([sent.stdout, sent.stderr]).toEqual(['', ''])
})

test('a program that ends during a settlement says that its event is lost', async () => {
  const answers = `fetch: (request) =>
    request.url.endsWith('/reserve')
      ? Promise.resolve(Response.json({ granted: true, reservation_id: 'hold_1' }))
      : (setTimeout(() => process.exit(0)), new Promise(() => {}))`
  const work = `await tollgate.withReservation({ key_id: 'a', tokens: 9 }, ({ use }) => use({ tokens: 1 }))`
  expect((await run(answers, work)).stderr).toBe(CLOSED(1))
})

test('where no timer outlives a request, what Tollgate does not take is sent once more and then lost', async () => {
  const worker = `Object.defineProperty(globalThis, 'navigator', { value: { userAgent: 'Cloudflare-Workers' } })`
  const answers = `retries: 0, fetch: async (request) => {
    const { pathname } = new URL(request.url)
    console.log(pathname)
    const isHeld = pathname.endsWith('/reserve')
    return isHeld ? Response.json({ granted: true, reservation_id: 'hold_1' }) : new Response(null, { status: 503 })
  }`
  const reporting = await run(answers, `${worker}; await tollgate.usage.report({ key_id: 'a' })`)
  const lost = `tollgate: 1 usage events were not counted: unavailable. Give usage.onLost to get them.\n`
  expect([reporting.stdout, reporting.stderr]).toEqual(['/api/v1/usage\n'.repeat(2), lost])

  const work = `await tollgate.withReservation({ key_id: 'a', tokens: 9 }, ({ use }) => use({ tokens: 1 }))`
  const settling = await run(answers, `${worker}; ${work}`)
  const paths = ['/reserve', '/settle', ''].map((end) => `/api/v1/usage${end}\n`).join('')
  expect([settling.stdout, settling.stderr]).toEqual([paths, lost])
})
