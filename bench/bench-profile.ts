/**
 * `node bench/bench-profile.ts [case]`: where a busy verification over HTTP, or another case, spends its time, according to
 * workerd's profiler. Writes .local/busy.cpuprofile for a browser's tools, and prints the slowest functions.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { freePort } from '../local/stack/free-port.ts'
import { buildAll, buildCases } from './bench-cases.ts'
import { openWorld } from './bench-world.ts'
import { load } from './load.ts'
import { startWorkerd } from './worker.ts'

const SECONDS = 5
const CONNECTIONS = 16
const LONGEST = 40

/** Lines and columns from 0. */
interface CallFrame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
  readonly columnNumber: number
}

interface Profile {
  readonly nodes: readonly { id: number; callFrame: CallFrame }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl } = process.env
const world = await openWorld({ databaseUrl, redisUrl })
const bundles = await buildAll()
const upstream = await startWorkerd({ upstream: { bundle: bundles.empty } })
const wanted = process.argv[2] ?? 'http busy'
const busy = (await buildCases(world, bundles, upstream.url)).find(({ name }) => name === wanted)
if (!busy) throw new Error('There is no such case.')
const address = `127.0.0.1:${await freePort()}`
const workerd = await startWorkerd(busy.services, ['--inspector-addr', address])
try {
  const asked = { url: workerd.url + busy.path, connections: CONNECTIONS, ...busy.how }
  await load({ ...asked, seconds: 2 })
  const inspector = await inspect(address)
  await inspector.send('Profiler.enable')
  await inspector.send('Profiler.setSamplingInterval', { interval: 200 })
  await inspector.send('Profiler.start')
  const { requests } = await load({ ...asked, seconds: SECONDS })
  const { profile } = await inspector.send<{ profile: Profile }>('Profiler.stop')
  inspector.close()
  await mkdir('.local', { recursive: true })
  await writeFile('.local/busy.cpuprofile', JSON.stringify(profile))
  for (const [name, micros] of longest(profile))
    console.log(`${(micros / requests).toFixed(1).padStart(7)} us  ${name}`)
} finally {
  await workerd.kill()
  await upstream.kill()
  await world.close()
}

/** The DevTools protocol of the only Worker behind an inspector's address. */
async function inspect(at: string) {
  const [target] = (await (await fetch(`http://${at}/json`)).json()) as { webSocketDebuggerUrl: string }[]
  const socket = new WebSocket(target?.webSocketDebuggerUrl ?? '')
  await new Promise((resolve) => socket.addEventListener('open', resolve))
  const waiting = new Map<number, (result: unknown) => void>()
  socket.addEventListener('message', ({ data }) => {
    const { id, result } = JSON.parse(String(data))
    waiting.get(id)?.(result)
  })
  let sent = 0
  return {
    send<Result>(method: string, params: object = {}): Promise<Result> {
      const id = ++sent
      socket.send(JSON.stringify({ id, method, params }))
      return new Promise((resolve) => waiting.set(id, resolve as (result: unknown) => void))
    },
    close: () => socket.close(),
  }
}

/** Microseconds in each function itself, without idle time. */
function longest({ nodes, samples, timeDeltas }: Profile): [string, number][] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, describePlace(callFrame)]))
  const micros = new Map<string, number>()
  for (const [at, id] of samples.entries()) {
    const name = names.get(id) ?? ''
    if (!name.startsWith('(idle)')) micros.set(name, (micros.get(name) ?? 0) + (timeDeltas[at] ?? 0))
  }
  return [...micros].toSorted(([, a], [, b]) => b - a).slice(0, LONGEST)
}

/** Each piece of the bundle is minified separately, most of it in one line: only file, line and column identify a function. */
function describePlace({ functionName, url, lineNumber, columnNumber }: CallFrame): string {
  const name = functionName || '(anonymous)'
  return url === '' ? name : `${name} ${url}:${lineNumber + 1}:${columnNumber + 1}`
}
