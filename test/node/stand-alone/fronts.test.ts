import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { Agent, createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { MAX_OPEN, serve } from '../../../local/stack/fronts.ts'
import { json } from '../../../local/stack/http.ts'
import { ROOT } from '../scripts/support.ts'

/** A proxy of a store that responds to nothing until told to. */
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
  const server = createServer(serve(new Map([['/sql', answer]])))
  server.listen({ path: socketPath, backlog: MAX_OPEN })
  await once(server, 'listening')
  const agent = new Agent()
  onTestFinished(async () => {
    agent.destroy()
    server.closeAllConnections()
    server.close()
    await rm(folder, { recursive: true })
  })
  return { ask: () => ask(socketPath, agent), isFull: isFull.promise, comesBack: isBack.resolve, asked: () => asked }
}

async function ask(socketPath: string, agent: Agent): Promise<{ status: number | undefined; body: unknown }> {
  const asking = request({ socketPath, agent, path: '/sql', method: 'POST' }).end('{}')
  const [response] = await once(asking, 'response')
  return { status: response.statusCode, body: JSON.parse(await text(response)) }
}

test('while a store hangs, requests up to the limit wait, one more is refused at once, and none of them is lost', async () => {
  const { ask, isFull, comesBack, asked } = await openHangingStore()
  const waiting = Array.from({ length: MAX_OPEN }, ask)
  await isFull
  const message = 'Too many requests are under way.'
  for (let time = 0; time < 2; time++) expect(await ask()).toEqual({ status: 503, body: { error: message, message } })
  expect(asked()).toBe(MAX_OPEN)

  comesBack()
  const statuses = (await Promise.all(waiting)).map(({ status }) => status)
  expect(new Set(statuses)).toEqual(new Set([200]))
  expect((await ask()).status).toBe(200)
}, 60_000)

test('the page on npm start says how many', async () => {
  const page = await readFile(join(ROOT, 'docs/operate/stand-alone.md'), 'utf8')
  expect(page).toContain(`At most ${MAX_OPEN.toLocaleString('en-US')} requests to stores are in progress at once`)
})
