import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../../local/stack/free-port.ts'
import { openPostgres } from '../../../local/stack/postgres.ts'
import { connectRedis } from '../../../local/stack/redis.ts'
import { type Stack, startStack } from '../../../local/stack/stack.ts'
import { connectNeon, connectUpstash, TOKEN } from './support.ts'

let folder: string
let dataDir: string
let stack: Stack

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-'))
  dataDir = join(folder, 'made', 'when', 'needed')
  stack = await startStack({ port: await freePort(), redisToken: TOKEN, dataDir })
})

async function restart(): Promise<void> {
  await stack.close()
  stack = await startStack({ port: 0, redisToken: TOKEN, dataDir })
}

afterAll(async () => {
  await stack.close()
  await rm(folder, { recursive: true })
})

test('it listens only on this machine', () => {
  expect(stack.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
})

test('a port in use rejects with the listener’s error', async () => {
  const port = Number(new URL(stack.url).port)

  await expect(startStack({ port, redisToken: TOKEN })).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

test('a folder in use is refused by its name and its holder', async () => {
  const message = `The folder ${dataDir} is in use by process ${process.pid} (${dataDir}.lock).`

  await expect(startStack({ port: 0, redisToken: TOKEN, dataDir })).rejects.toThrow(message)
})

test('a folder that is not a database is refused by its name, and released', async () => {
  const broken = join(folder, 'broken')
  await writeFile(broken, 'not a folder')

  await expect(startStack({ port: 0, redisToken: TOKEN, dataDir: broken })).rejects.toThrow(
    `cannot start from the folder ${broken}.`,
  )
  await expect(readFile(`${broken}.lock`)).rejects.toThrow('ENOENT')
})

test('the content of the folder is there again after a restart', async () => {
  await connectNeon(stack).query(`create table kept as select 'still here' as text`)
  await restart()

  expect(await connectNeon(stack).query('select text from kept')).toEqual([{ text: 'still here' }])
})

test('closing drops hanging requests', async () => {
  await fetch(`${stack.url}/control/faults`, { method: 'POST', body: '{"door":"redis","kind":"hang"}' })
  const hanging = connectUpstash(stack)
    .ping()
    .catch((error: Error) => error.message)
  const hits = async () => (await (await fetch(`${stack.url}/control/faults`)).json())[0].hits
  await expect.poll(hits, { timeout: 10_000 }).toBe(1)
  await restart()

  expect(await hanging).toBe('fetch failed')
})

test('an unreachable database is named, without its password', async () => {
  const port = await freePort()
  const opened = openPostgres(`postgresql://ada:secret@127.0.0.1:${port}/shop`)
  const { message } = await opened.then(
    () => expect.unreachable(),
    (error: Error) => error,
  )

  expect(message).toContain(`The database 127.0.0.1:${port}/shop of DATABASE_URL cannot be reached`)
  expect(message).not.toContain('secret')
})

test('an unreachable Redis is named, without its password', async () => {
  const port = await freePort()
  const opened = connectRedis(`redis://:secret@127.0.0.1:${port}`)
  const { message } = await opened.then(
    () => expect.unreachable(),
    (error: Error) => error,
  )

  expect(message).toContain(`The Redis at 127.0.0.1:${port} cannot be reached`)
  expect(message).not.toContain('secret')
})

test('the first page lists the services', async () => {
  const page = await (await fetch(stack.url)).text()

  for (const door of ['/sql', '/redis', '/mail/emails', '/outbox', '/control/faults']) expect(page).toContain(door)
})

test.for([
  ['GET', '/nowhere'],
  ['GET', '/sql'],
  ['POST', '/redis/set/a/b'],
  ['GET', '//'],
])('%s %s is a 404 in JSON', async ([method = '', path = '']) => {
  const answer = await fetch(`${stack.url}${path}`, { method })

  expect(answer.status).toBe(404)
  expect(await answer.json()).toEqual({ error: 'not_found', message: `The local stack has no ${method} ${path}` })
})

test('a body of 10 MB is read, one byte more is a 413', async () => {
  const post = (bytes: number) => fetch(`${stack.url}/mail/emails`, { method: 'POST', body: 'x'.repeat(bytes) })
  const limit = 10 * 1024 * 1024

  expect((await post(limit)).status).toBe(401)
  expect((await post(limit + 1)).status).toBe(413)
})

test('a web page of another origin reaches no service', async () => {
  const clear = (origin: string) => fetch(`${stack.url}/outbox`, { method: 'DELETE', headers: { Origin: origin } })

  expect((await clear('https://evil.example')).status).toBe(403)
  expect((await clear(stack.url)).status).toBe(204)
})

test('a foreign host name that points to this machine reaches no service', async () => {
  const asked = request(`${stack.url}/outbox`, { headers: { Host: 'evil.example' } }).end()
  const [answer] = await once(asked, 'response')

  expect(answer.resume().statusCode).toBe(403)
})
