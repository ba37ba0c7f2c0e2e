import { env } from 'cloudflare:workers'
import { expect, test, vi } from 'vitest'
import { createDeps } from '../../../src/create-deps.ts'
import { directly } from '../../support/direct.ts'
import { newIsolate } from '../../support/isolate.ts'
import { ownModules } from '../../support/own-modules.ts'

const { sql } = directly()

/** An isolate, with the modules that count in it. */
async function countingIsolate() {
  const isolate = await newIsolate()
  const own = await ownModules()(async () => ({
    ...(await import('../../../src/metrics/count.ts')),
    ...(await import('../../../src/metrics/flush.ts')),
    ...(await import('../../../src/lib/log.ts')),
  }))
  return { ...isolate, ...own }
}

/** Other isolates add to the sum at any time; nobody else counts this many. */
const MANY = 1_000_000_000

const readHashes = async (isolate: Awaited<ReturnType<typeof countingIsolate>>) =>
  (await isolate.readCounters(isolate.deps()))['leaseUnits|stranded'] ?? 0

test('the counters of isolates add up, and a repeated write counts once', async () => {
  const [one, other] = [await countingIsolate(), await countingIsolate()]
  const before = await readHashes(one)
  one.count('leaseUnits', 'stranded', MANY)
  other.count('leaseUnits', 'stranded', MANY)
  for (const isolate of [one, other, one, one]) await isolate.flushNow(isolate.deps())
  expect(Math.round(((await readHashes(one)) - before) / MANY)).toBe(2)
})

test('a lost response counts once, and counts made while Postgres is down follow', async () => {
  const isolate = await countingIsolate()
  const before = await readHashes(isolate)
  isolate.count('leaseUnits', 'stranded', MANY)
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const real = globalThis.fetch
  const spy = vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    await real(input, init)
    throw new TypeError('lost')
  })
  await isolate.flushNow(isolate.deps())
  spy.mockRestore()
  expect(warn.mock.calls.join()).toContain('metrics_not_written')
  warn.mockRestore()
  isolate.count('leaseUnits', 'stranded', MANY)
  await isolate.flushNow(isolate.deps())
  expect(Math.round(((await readHashes(isolate)) - before) / MANY)).toBe(2)
})

test('rows of dead isolates are added up once, and one that returns begins another row', async () => {
  const isolate = await countingIsolate()
  const amount = MANY + crypto.getRandomValues(new Uint16Array(1))[0]! // so that its rows can be told from others
  const before = await readHashes(isolate)
  isolate.count('leaseUnits', 'stranded', amount)
  await isolate.flushNow(isolate.deps())
  const key = `(counters ->> 'leaseUnits|stranded')::numeric = ${amount}`
  await sql.query(`update metric_counters set written_at = now() - interval '61 minutes' where ${key}`)
  const folds = await Promise.all([isolate.foldCounters(isolate.deps()), isolate.foldCounters(isolate.deps())])
  expect(folds.map(({ folded }) => folded).toSorted((a, b) => a - b)).toEqual([0, 1])
  expect(Math.round(((await readHashes(isolate)) - before) / MANY)).toBe(1)

  isolate.advance(300_000)
  isolate.count('leaseUnits', 'stranded', amount)
  await isolate.flushNow(isolate.deps())
  expect(Math.round(((await readHashes(isolate)) - before) / MANY)).toBe(2)
  const young = await sql.query(
    `select 1 from metric_counters where written_at > now() - interval '1 hour' and ${key} and isolate <> $1`,
    [isolate.FOLDED],
  )
  expect(young).toHaveLength(1)
})

test('they are written after 10 s, after the response', async () => {
  const isolate = await countingIsolate()
  let written = 0
  let now = isolate.now() // it stands still: a busy machine loses seconds
  const deps = { ...isolate.deps(), now: () => now, defer: (work: Promise<unknown>) => void ((written += 1), work) }
  const counts = []
  for (const ms of [0, 9_999, 1, 0]) {
    now += ms
    isolate.flushWhenDue(deps)
    counts.push(written)
  }
  expect(counts).toEqual([1, 1, 2, 2])
})

test('log lines held back during an outage are written with the next usage, whether counters are due or not', async () => {
  const isolate = await countingIsolate()
  const deps = { ...isolate.deps(), defer: () => undefined }
  isolate.flushWhenDue(deps)
  const written = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const started = Date.now()
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => started)
  try {
    for (const units of [1, 2, 3]) isolate.logRepeated('warn', 'of_a_test', { units })
    clock.mockImplementation(() => started + 1_000)
    isolate.flushWhenDue({ ...deps, now: () => started })
    const lines = written.mock.calls.map(([line]) => String(line)).filter((line) => line.includes('of_a_test'))
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { level: 'warn', event: 'of_a_test', units: 1, count: 1 },
      { level: 'warn', event: 'of_a_test', units: 3, count: 2 },
    ])
  } finally {
    clock.mockRestore()
    written.mockRestore()
  }
})

test('a bound dataset gets the growth of each counter', async () => {
  const isolate = await countingIsolate()
  const points: { indexes: string[]; doubles: number[] }[] = []
  const METRICS = { writeDataPoint: (point: (typeof points)[number]) => points.push(point) }
  const { dataset } = createDeps({ ...env, METRICS }, { waitUntil: () => undefined })
  for (const by of [2, 3]) {
    isolate.count('leaseUnits', 'spent', by)
    await isolate.flushNow({ ...isolate.deps(), dataset })
  }
  expect(points.filter(({ indexes }) => indexes[0] === 'leaseUnits|spent')).toEqual([
    { indexes: ['leaseUnits|spent'], doubles: [2] },
    { indexes: ['leaseUnits|spent'], doubles: [3] },
  ])
})
