import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { Agent, createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { MAX_OPEN, ofOneStore, serve } from '../../../local/stack/fronts.ts'
import { json } from '../../../local/stack/http.ts'
import { openPostgres } from '../../../local/stack/postgres.ts'
import { connectRedis } from '../../../local/stack/redis.ts'
import { startValkey } from '../../../local/stack/valkey.ts'
import { ROOT } from '../scripts/support.ts'
import { openRelay } from './relay.ts'

const { DATABASE_URL = '', REDIS_URL } = process.env

/** A proxy of a store that responds to nothing until told to, and of another that responds at once. */
async function openHangingStore() {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-fronts-'))
  const socketPath = join(folder, 'stores.sock')
  const isBack = Promise.withResolvers<void>()
  const isFull = Promise.withResolvers<void>()
  let asked = 0
  const answer = async () => {
    asked += 1
    if (asked === MAX_OPEN) isFull.resolve()
    await isBack.promise
    return json(200, { asked: true })
  }
  const ready = () => json(200, { asked: true })
  const limited = ofOneStore()
  const server = createServer(
    serve(
      new Map([
        ['/sql', limited(answer)],
        ['/sql/ready', limited(ready)],
        ['/redis', ofOneStore()(ready)],
      ]),
    ),
  )
  server.listen({ path: socketPath, backlog: MAX_OPEN })
  await once(server, 'listening')
  const agent = new Agent()
  onTestFinished(async () => {
    agent.destroy()
    server.closeAllConnections()
    server.close()
    await rm(folder, { recursive: true })
  })
  const place = { socketPath, agent }
  return {
    place,
    ask: (path?: string) => ask(place, path),
    isFull: isFull.promise,
    comesBack: isBack.resolve,
    asked: () => asked,
  }
}

interface Place {
  readonly socketPath: string
  readonly agent: Agent
}

async function ask(place: Place, path = '/sql'): Promise<{ status: number | undefined; body: unknown }> {
  const asking = request({ ...place, path, method: 'POST' }).end('{}')
  const [response] = await once(asking, 'response')
  return { status: response.statusCode, body: JSON.parse(await text(response)) }
}

test('while a store hangs, requests up to the limit wait, one more is refused at once, and none of them is lost', async () => {
  const { ask, isFull, comesBack, asked } = await openHangingStore()
  const waiting = Array.from({ length: MAX_OPEN }, () => ask())
  await isFull
  const message = 'Too many requests are under way.'
  for (let time = 0; time < 2; time++) expect(await ask()).toEqual({ status: 503, body: { error: message, message } })
  expect(asked()).toBe(MAX_OPEN)
  expect(await ask('/redis')).toEqual({ status: 200, body: { asked: true } })

  comesBack()
  const statuses = (await Promise.all(waiting)).map(({ status }) => status)
  expect(new Set(statuses)).toEqual(new Set([200]))
  expect((await ask()).status).toBe(200)
}, 60_000)

test('requests whose callers have disconnected leave room for others of the same store', async () => {
  const { place, isFull } = await openHangingStore()
  const agent = new Agent()
  const abandoned = Array.from({ length: MAX_OPEN }, () => ask({ ...place, agent }).catch(() => undefined))
  await isFull
  agent.destroy()
  await Promise.all(abandoned)

  await expect.poll(async () => (await ask(place, '/sql/ready')).status, { timeout: 20_000 }).toBe(200)
}, 60_000)

test('a Redis that hangs fails its commands, and answers again when it has recovered', async () => {
  const valkey = REDIS_URL ? undefined : await startValkey()
  const relay = await openRelay(new URL(REDIS_URL ?? valkey?.url ?? ''), 6_379)
  const redis = await connectRedis(relay.url)
  onTestFinished(async () => void (await Promise.all([redis.close(), relay.close(), valkey?.stop()])))
  const ping = () => redis.send(['PING']).then(String, () => 'failed')
  expect(await ping()).toBe('PONG')

  relay.hang()
  expect(await ping()).toBe('failed')
  relay.recover()
  await expect.poll(ping, { timeout: 20_000 }).toBe('PONG')
}, 60_000)

test.runIf(DATABASE_URL)(
  'a Postgres that hangs fails its statements, and each connection is replaced when it has recovered',
  async () => {
    const relay = await openRelay(new URL(DATABASE_URL), 5_432)
    const database = await openPostgres(relay.url, { connections: 1, statementMs: 500 })
    onTestFinished(async () => void (await Promise.all([database.close(), relay.close()])))
    const one = () => database.session((run) => run({ query: 'select 1', params: [] }))
    expect((await one()).rows).toEqual([['1']])

    relay.hang()
    await expect(one()).rejects.toThrow('timeout')
    relay.recover()
    expect((await one()).rows).toEqual([['1']])
  },
  60_000,
)

test('the page on npm start says how many', async () => {
  const page = await readFile(join(ROOT, 'docs/operate/stand-alone.md'), 'utf8')
  expect(page).toContain(`At most ${MAX_OPEN.toLocaleString('en-US')} requests to each store are in progress at once`)
})
