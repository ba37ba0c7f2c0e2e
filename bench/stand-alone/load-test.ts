/** `npm run load-test`: see HELP. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { cpus, loadavg } from 'node:os'
import { freePort } from '../../local/stack/free-port.ts'
import { readArguments } from '../../local/support/arguments.ts'
import { command } from '../../local/support/command.ts'
import { readAddress, readCount } from '../../local/support/settings.ts'
import { openWorld, type World } from '../bench-world.ts'
import { load } from '../load.ts'
import { type Server, settingsFor, startServer } from './server.ts'
import { type Stop, stopUnderLoad } from './stops.ts'

const HELP = `Usage: npm run load-test -- [--seconds 20] [--stops 10]

Runs npm start over the Postgres of DATABASE_URL and the Redis of REDIS_URL, in a database of its own, and measures how many
verifications of busy keys it answers a second. Then ends it under load, so many times by SIGTERM and as many by SIGKILL, and
compares what was admitted with what was written. Writes bench/results/load-test.json and docs/operate/stand-alone.md.`

const CONNECTIONS = 32
/** While stopping under load: fewer connections, so that the client keeps up and records each answer. */
const STOP_CONNECTIONS = 16
const WARM_UP_SECONDS = 5
/** A killed process loses the open batch and those that are being written (src/metering/record.ts). */
const KILL_LOSES_SECONDS = 0.5

await command(async function loadTest() {
  const { values } = readArguments({ seconds: { type: 'string' }, stops: { type: 'string' } })
  if (values.help) return console.log(HELP)
  const [databaseUrl, redisUrl] = [readAddress(process.env, 'DATABASE_URL'), readAddress(process.env, 'REDIS_URL')]
  if (!databaseUrl || !redisUrl) throw new Error('This measures real stores: DATABASE_URL and REDIS_URL name them.')
  const loadBefore = Math.round((loadavg()[0] ?? 0) * 10) / 10
  const world = await openWorld({ databaseUrl, redisUrl })
  try {
    const settings = settingsFor(world.databaseUrl ?? '', redisUrl, await freePort())
    const start = () => startServer(settings)
    const busy = await measureBusy(world, await start(), readCount('--seconds', values.seconds, 20))
    const rounds = readCount('--stops', values.stops, 10)
    const report = {
      date: new Date().toISOString().slice(0, 10),
      loadBefore,
      machine: `${cpus().length} x ${cpus()[0]?.model.trim()}`,
      busy,
      term: await stopOften(world, start, 'SIGTERM', rounds),
      kill: await stopOften(world, start, 'SIGKILL', rounds),
    }
    await mkdir(new URL('../results/', import.meta.url), { recursive: true })
    await writeFile(new URL('../results/load-test.json', import.meta.url), `${JSON.stringify(report, null, 2)}\n`)
    await publish(report)
    const faults = findFaults(report)
    if (faults.length > 0) throw new Error(`The load test failed: ${faults.join('; ')}`)
  } finally {
    await world.close()
  }
})

async function measureBusy(world: World, server: Server, seconds: number) {
  const { keys } = await world.issueKeys(5, { perMinute: 1_000_000_000, quota: null })
  let at = 0
  const asked = {
    url: `${server.url}/api/v1/keys/verify`,
    method: 'POST',
    headers: { Authorization: `Bearer ${world.serviceKey}` },
    body: () => JSON.stringify({ key: keys[at++ % keys.length], endpoint: '/v1/answers', method: 'GET' }),
    connections: CONNECTIONS,
    expected: '"code":"VALID"',
  } as const
  try {
    await load({ ...asked, seconds: WARM_UP_SECONDS })
    const before = await server.cpuMs()
    const loaded = await load({ ...asked, seconds })
    const after = await server.cpuMs()
    const micros = (name: keyof typeof after) => Math.round(((after[name] - before[name]) * 1_000) / loaded.requests)
    const busy = { ...loaded, cpuMicros: { workerd: micros('workerd'), beside: micros('beside') } }
    console.log(line('Busy keys', busy))
    return busy
  } finally {
    await server.end('SIGTERM')
  }
}

function line(name: string, { perSecond, p50, p99, failed, cpuMicros }: Busy): string {
  const [rate, fifty, last] = [Math.round(perSecond), p50.toFixed(1), p99.toFixed(1)]
  const cpu = `CPU ${cpuMicros.workerd} µs in workerd, ${cpuMicros.beside} µs beside it`
  return `${name}: ${rate} a second, p50 ${fifty} ms, p99 ${last} ms, ${failed} failed, ${cpu}`
}

async function stopOften(world: World, start: () => Promise<Server>, signal: NodeJS.Signals, rounds: number) {
  const stops: Stop[] = []
  for (let round = 0; round < rounds; round++) {
    const server = await start()
    // at a different point of a batch and of a lease each time
    const afterMs = 3_000 + Math.round(Math.random() * 1_500)
    const stop = await stopUnderLoad(world, server, { signal, connections: STOP_CONNECTIONS, afterMs })
    stops.push(stop)
    const { admitted, written, counted, lost, unanswered, tookMs } = stop
    console.log(`${signal} ${round + 1}: ${JSON.stringify({ admitted, written, counted, lost, unanswered, tookMs })}`)
  }
  const sum = (pick: (stop: Stop) => number) => stops.reduce((total, stop) => total + pick(stop), 0)
  return {
    rounds,
    admitted: sum(({ admitted }) => admitted),
    written: sum(({ written }) => written),
    counted: sum(({ counted }) => counted),
    lost: sum(({ lost }) => lost),
    mostLost: Math.max(...stops.map(({ lost }) => lost)),
    perSecond: Math.round(sum(({ admitted }) => admitted) / rounds / 3.75),
    slowestMs: Math.max(...stops.map(({ tookMs }) => tookMs)),
    codes: [...new Set(stops.map(({ code }) => code))],
    strange: stops.flatMap(({ strange }) => strange).slice(0, 5),
  }
}

type Busy = Awaited<ReturnType<typeof measureBusy>>
type Stopped = Awaited<ReturnType<typeof stopOften>>

interface Report {
  readonly date: string
  /** Processes that wanted to run before the start: above the number of cores, others used part of them. */
  readonly loadBefore: number
  readonly machine: string
  readonly busy: Busy
  readonly term: Stopped
  readonly kill: Stopped
}

function findFaults({ busy, term, kill }: Report): string[] {
  return [
    busy.failed + busy.unexpected > 0 &&
      `${busy.failed} failed, ${busy.unexpected} were not VALID ${busy.reasons.join()}`,
    term.lost > 0 && `${term.lost} were lost by SIGTERM`,
    term.counted !== term.written && `Redis counts ${term.counted}, Postgres ${term.written}`,
    term.codes.some((code) => code !== 0) && `it ended with ${term.codes.join()}`,
    term.strange.length > 0 && `it answered ${term.strange.join()}`,
    kill.mostLost > kill.perSecond * KILL_LOSES_SECONDS && `${kill.mostLost} were lost by one SIGKILL`,
  ].filter((fault) => fault !== false)
}

/** Writes the result into its place on the page. */
async function publish({ date, machine, loadBefore, busy, term, kill }: Report): Promise<void> {
  const url = new URL('../../docs/operate/stand-alone.md', import.meta.url)
  const page = await readFile(url, 'utf8')
  const number = (value: number) => Math.round(value).toLocaleString('en')
  const text = `${date}, ${machine}, with Postgres, Valkey and the client on the same machine, where ${loadBefore} processes wanted to run before: **${number(busy.perSecond)} verifications a second** of
five busy keys, p50 ${busy.p50.toFixed(1)} ms, p99 ${busy.p99.toFixed(1)} ms. One takes ${busy.cpuMicros.workerd} µs of CPU in workerd, which computes on one core, and ${busy.cpuMicros.beside} µs in the process beside it.

| ended under load | rounds | admitted | written | lost in all | lost by one at most | took at most |
|---|---|---|---|---|---|---|
| \`SIGTERM\` | ${term.rounds} | ${number(term.admitted)} | ${number(term.written)} | ${number(term.lost)} | ${number(term.mostLost)} | ${(term.slowestMs / 1000).toFixed(1)} s |
| \`SIGKILL\` | ${kill.rounds} | ${number(kill.admitted)} | ${number(kill.written)} | ${number(kill.lost)} | ${number(kill.mostLost)} | at once |`
  const [from, to] = ['<!-- load test -->', '<!-- /load test -->']
  await writeFile(url, `${page.slice(0, page.indexOf(from) + from.length)}\n${text}\n${page.slice(page.indexOf(to))}`)
}
