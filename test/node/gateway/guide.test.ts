/** The guide that protects any API with the gateway: its API runs, and its calls get the responses shown. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../../local/stack/free-port.ts'
import { execute, readAnswer } from '../client/apps.ts'
import { type GatewayWorld, startGateway } from './world.ts'

const API_KEY_QUOTA = 100_000

let world: GatewayWorld
let stop: (() => Promise<unknown>) | undefined

beforeAll(async () => {
  world = await startGateway({ PUBLIC_URL: 'http://localhost:8000' })
})
afterAll(async () => {
  await stop?.()
  await world.close()
})

const page = await readFile(new URL('../../../docs/guides/protect-with-gateway.md', import.meta.url), 'utf8')

/** Starts the API of the page, and waits until it responds. */
async function startApi(port: number) {
  const [, code = ''] = /^```js\n(.*?)^```$/ms.exec(page) ?? []
  const child = spawn(process.execPath, ['-e', code.replace('8010', String(port))], { stdio: 'inherit' })
  const exited = once(child, 'exit')
  await expect
    .poll(
      () =>
        fetch(`http://127.0.0.1:${port}`).then(
          ({ ok }) => ok,
          () => false,
        ),
      { timeout: 20_000 },
    )
    .toBe(true)
  return function stop() {
    child.kill()
    return exited
  }
}

/** The commands of the page, each with the response shown below it, if any. */
const readCalls = () =>
  [...page.matchAll(/^```sh\n(curl .*?)\n```(?:\n```(?:json)?\n(.*?)\n```$)?/gms)].map(([, line = '', said]) => ({
    line: line.replaceAll('\\\n', ''),
    said: said?.replaceAll(', …', ''),
  }))

test('an API behind the gateway, set up by the guide, responds as the guide says', async () => {
  const port = await freePort()
  stop = await startApi(port)
  const { email, password } = world.administrator
  const { key } = await world.customer(60, API_KEY_QUOTA)
  const variables: Record<string, string> = { PASSWORD: password, API_KEY: key }
  const run = (line: string) =>
    execute(
      line
        .replace('http://localhost:8000', world.url)
        .replace('http://127.0.0.1:8010', `http://127.0.0.1:${port}`)
        .replace('admin@example.com', email),
      variables,
    )

  const calls = readCalls()
  expect(calls.map(({ said }) => said !== undefined)).toEqual([false, false, true, true, true, true])
  for (const { line, said } of calls) {
    if (line.startsWith('curl -i') && said) {
      const [ours, theirs] = [readAnswer(await run(line)), readAnswer(said)]
      expect(ours).toMatchObject({ status: theirs.status, body: theirs.body })
      expect(ours.names).toEqual(expect.arrayContaining(theirs.names))
    } else if (said) {
      await expect
        .poll(async () => JSON.parse(await run(line)) as object, { timeout: 10_000 })
        .toMatchObject(JSON.parse(said))
    } else {
      const { access_token } = JSON.parse(await run(line)) as { access_token?: string }
      if (access_token) variables.TOKEN = access_token
    }
  }
})
