import { env, exports } from 'cloudflare:workers'
import { expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import documentation from '../../../docs/operate/monitoring.md?raw'
import rules from '../../../ops/alerts.yml?raw'
import board from '../../../ops/grafana/tollgate.json'
import { PERIOD_SECONDS } from '../../../src/jobs/registry.ts'
import { countsUpTo, WORK } from '../../../src/jobs/work.ts'
import { Problem } from '../../../src/problems.ts'
import { describeFailure } from '../../../src/rpc.ts'
import { administrator, call, newKeyHolder, verify } from '../../support/http.ts'
import { parseMetrics } from '../../support/prometheus.ts'

const TOKEN = String(Reflect.get(env, 'METRICS_TOKEN'))

async function scrape(token = TOKEN) {
  const answer = await call('GET /metrics', { token })
  expect([answer.status, answer.headers.get('Content-Type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
  return parseMetrics(String(answer.body))
}

/** The series that a scrape has: histograms with their suffixes. */
const listSeries = (families: Awaited<ReturnType<typeof scrape>>) =>
  new Set([...families.values()].flatMap(({ samples }) => samples.map(({ name }) => name)))

const listNames = (text: string) => [...new Set(text.match(/\btollgate_[a-z0-9_]+/g))]

async function value(name: string, labels: Record<string, string> = {}): Promise<number> {
  const families = await scrape()
  const samples = [...families.values()].flatMap((family) => family.samples)
  const found = samples.find(
    (one) => one.name === name && Object.entries(labels).every(([label, text]) => one.labels[label] === text),
  )
  return found?.value ?? Number.NaN
}

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string }
}

const alerts: readonly Rule[] = parse(rules).groups.flatMap((group: { rules: Rule[] }) => group.rules)
const targets: readonly { expr: string; legendFormat?: string }[] = board.panels.flatMap(
  ({ targets: own }) => own ?? [],
)

test('every metric that a dashboard or an alert names is in a scrape', async () => {
  const series = listSeries(await scrape())
  const named = [...alerts, ...targets].flatMap(({ expr }) => listNames(expr))
  expect([alerts.length > 10, targets.length > 15]).toEqual([true, true])
  expect(named.filter((name) => !series.has(name))).toEqual([])
})

test('every label value that an alert names is in a scrape', async () => {
  const samples = [...(await scrape()).values()].flatMap((family) => family.samples)
  const named = [...alerts, ...targets].flatMap(({ expr }) =>
    Array.from(expr.matchAll(/(tollgate_[a-z_]+)\{([a-z]+)=(~?)"([^"]+)"\}/g)),
  )
  expect(named.length).toBeGreaterThan(8)
  const absent = named.flatMap(([, name, label = '', , text = '']) =>
    text.split('|').filter((one) => !samples.some((sample) => sample.name === name && sample.labels[label] === one)),
  )
  expect(absent).toEqual([])
})

/** What Prometheus itself adds to each series; without `honor_labels` it renames a metric's own label of that name. */
const TARGET_LABELS = ['job', 'instance']

test('no metric has a label that Prometheus sets for the target', async () => {
  const samples = [...(await scrape()).values()].flatMap((family) => family.samples)
  const taken = samples.flatMap(({ name, labels }) => TARGET_LABELS.filter((label) => label in labels && name))
  expect(taken).toEqual([])
})

test('every label that a text of an alert or of the dashboard shows is a label of its metrics', async () => {
  const samples = [...(await scrape()).values()].flatMap((family) => family.samples)
  const texts = [
    ...alerts.map(({ expr, annotations }) => ({ expr, text: annotations.summary, shown: /\$labels\.(\w+)/g })),
    ...targets.map(({ expr, legendFormat = '' }) => ({ expr, text: legendFormat, shown: /\{\{(\w+)\}\}/g })),
  ].flatMap(({ expr, text, shown }) => [...text.matchAll(shown)].map(([, label = '']) => ({ expr, label })))
  expect(texts.length).toBeGreaterThan(5)
  const missing = texts.filter(({ expr, label }) => {
    const names = listNames(expr)
    return !samples.some(({ name, labels }) => names.includes(name) && label in labels)
  })
  expect(missing).toEqual([])
})

test('the page explains every metric and every alert, and names no other', async () => {
  const families = await scrape()
  const listed = [...documentation.matchAll(/^\| `(tollgate_[a-z_]+)` \|/gm)].map(([, name = '']) => name)
  expect(listed.toSorted()).toEqual([...families.keys()].toSorted())
  const described = [...documentation.matchAll(/^\| `(Tollgate[A-Za-z]+)` \|/gm)].map(([, name = '']) => name)
  expect(described.toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted())
  for (const { alert, labels, annotations } of alerts)
    expect([alert, ['page', 'ticket'].includes(labels.severity), annotations.summary.length > 10]).toEqual([
      alert,
      true,
      true,
    ])
})

const findRule = (name: string) => alerts.find(({ alert }) => alert === name)?.expr.replaceAll(/\s+/g, ' ') ?? ''

test('the alert about backlogs can see the rest of every job that caps its work per run', () => {
  const expr = findRule('TollgateJobBacklog')
  const clauses = expr.split(' or ')
  expect(clauses[0]).toBe('tollgate_job_backlog > tollgate_job_ceiling')
  expect(clauses[1]).toBe(
    '(tollgate_job_last_duration_seconds > 0.75 * tollgate_job_ceiling_seconds unless tollgate_job_backlog == 0)',
  )
  for (const [job, { waiting, amount, ms }] of Object.entries(WORK)) {
    if (amount === undefined) continue // its time, by the second clause
    const isCounted = waiting !== undefined && countsUpTo(job) > amount
    const isWatched = expr.includes(`min_over_time(tollgate_job_backlog{task="${job}"}[3h]) >= ${countsUpTo(job)}`)
    expect([job, isCounted || isWatched || ms !== undefined]).toEqual([job, true])
  }
})

test('a job that never succeeded is also late once three of its intervals have passed', () => {
  const expr = findRule('TollgateJobLate')
  const seconds = { m: 60, h: 3_600, d: 86_400 } as const
  const known = [...expr.matchAll(/tollgate_job_period_seconds == (\d+) and \w+_success_\w+ offset (\d+)([mhd]) == 0/g)]
  const waits = new Map(
    known.map(([, period, many, unit]) => [Number(period), Number(many) * seconds[unit as keyof typeof seconds]]),
  )
  for (const period of Object.values(PERIOD_SECONDS))
    expect([period, (waits.get(period) ?? 0) >= 3 * period]).toEqual([period, true])
})

test("the page's scrape configuration requests the metrics endpoint", async () => {
  const block = /```yaml\n(scrape_configs:[\s\S]*?)```/.exec(documentation)?.[1] ?? ''
  const [config] = parse(block).scrape_configs
  expect(config).toMatchObject({ job_name: 'tollgate', scheme: 'https', authorization: { type: 'Bearer' } })
  expect((await call(`GET ${config.metrics_path}`, { token: TOKEN })).status).toBe(200)
})

test('names end in their unit, and units are base units', async () => {
  const names = [...(await scrape()).keys()]
  const odd = names.filter((name) => /_(ms|millis|milliseconds|minutes|hours|percent|kb)(_|$)/.test(name))
  expect(odd).toEqual([])
})

test('only the token and service keys with the scope can scrape', async () => {
  const open = async (scopes: string[]) => {
    const { body } = await call('POST /api/v1/admin/service-keys', {
      token: await administrator(),
      body: { name: 'Scraper of a test', scopes },
    })
    return body.key as string
  }
  expect((await call('GET /metrics', { token: await open(['platform:metrics:read']) })).status).toBe(200)
  expect((await call('GET /metrics', { token: await open(['platform:verify']) })).status).toBe(403)
  const { key, token } = await newKeyHolder()
  for (const other of [undefined, key, token, `${TOKEN}x`, TOKEN.slice(0, -1), await administrator()])
    expect((await call('GET /metrics', other === undefined ? {} : { token: other })).status, other).toBe(401)
})

test('a verdict is counted once by its code', async () => {
  const { key } = await newKeyHolder()
  const codes = ['VALID', 'NOT_FOUND', 'INSUFFICIENT_SCOPE'] as const
  const read = () => Promise.all(codes.map((code) => value('tollgate_verdicts_total', { code })))
  const before = await read()
  await verify(key)
  await verify(key)
  await verify('ck_live_nothing')
  await verify(key, { scopes: ['other:read'] })
  const after = await read()
  // other tests of this isolate verify keys as well
  expect(after.map((count, at) => count - (before[at] ?? 0) >= [2, 1, 1][at]!)).toEqual([true, true, true])
})

test('a call by service binding is counted by its outcome', async () => {
  const outcomes = ['answered', 'refused'] as const
  const read = () => Promise.all(outcomes.map((outcome) => value('tollgate_rpc_calls_total', { outcome })))
  const before = await read()
  await exports.Tollgate.verifyKey({ key: 'ck_live_nothing' })
  await exports.Tollgate.verifyKey({ key: 'k', cost: -1 })
  const after = await read()
  // other tests of this isolate call as well
  expect(after.map((count, at) => count - (before[at] ?? 0) >= 1)).toEqual([true, true])
})

test('a call by service binding that fails in Tollgate is counted as failed', async () => {
  const failed = () => value('tollgate_rpc_calls_total', { outcome: 'failed' })
  const before = await failed()
  describeFailure(new Problem('unavailable'), { requestId: 'r', publicUrl: undefined })
  expect((await failed()) - before).toBeGreaterThanOrEqual(1)
})

test('the alert for errors ignores gateway upstreams', () => {
  const { expr } = alerts.find(({ alert }) => alert === 'TollgateServerErrors') as Rule
  expect(expr).not.toMatch(/unreachable|timeout|upstream/)
  expect(expr).toContain('tollgate_gateway_responses_total{outcome="failed"}')
  const upstreams = alerts.find(({ alert }) => alert === 'TollgateUpstreamFailing')
  expect(upstreams?.labels.severity).toBe('ticket')
})

test('while Postgres is down, a scrape by token reports that and leaves out what only Postgres knows', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const real = globalThis.fetch
  const spy = vi
    .spyOn(globalThis, 'fetch')
    .mockImplementation(async (input, init) =>
      String(input instanceof Request ? input.url : input).includes('/sql')
        ? new Response('away', { status: 502 })
        : real(input, init),
    )
  try {
    const families = await scrape()
    const up = families.get('tollgate_store_up')?.samples.map(({ labels, value: of }) => [labels.store, of])
    expect(up).toEqual([
      ['postgres', 0],
      ['redis', 1],
    ])
    expect(families.has('tollgate_verdicts_total')).toBe(false)
    expect(families.has('tollgate_usage_spool_batches')).toBe(true)
  } finally {
    spy.mockRestore()
  }
  expect(await value('tollgate_store_failures_total', { store: 'postgres' })).toBeGreaterThan(5)
})
