/** The example's programs, started as on its page, against a gateway and the local model. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually, type GatewayWorld, startGateway } from '../gateway/world.ts'
import { ROOT } from '../scripts/support.ts'

const FOLDER = 'examples/gateway-openai'

let world: GatewayWorld

beforeAll(async () => {
  world = await startGateway({ PUBLIC_URL: 'http://localhost:8000' })
})
afterAll(() => world.close())

/** Runs the line of the page. @returns its output */
async function runPage(key: string): Promise<string> {
  const page = await readFile(join(ROOT, FOLDER, 'README.md'), 'utf8')
  const [, line = ''] = /^```sh\n(.*)\n```$/m.exec(page) ?? []
  const { stdout } = await promisify(execFile)('sh', ['-c', line.replaceAll('npx node', process.execPath)], {
    cwd: ROOT,
    env: {
      TOLLGATE_URL: world.url,
      TOLLGATE_API_KEY: key,
      ADMIN_EMAIL: world.administrator.email,
      ADMIN_PASSWORD: world.administrator.password,
      MODEL_URL: `${world.stackUrl}/model/openai`,
    },
  })
  return stdout
}

test('the unchanged client streams a response through the route that the example created, and its tokens count', async () => {
  const { key, organizationId } = await world.customer()

  const said = (await runPage(key)).split('\n')

  expect(said.slice(0, 2)).toEqual([`${world.url}/gw/openai leads to the model.`, 'You said: Hello there'])
  const events = () =>
    world.sql.query(
      `select input_tokens::int + output_tokens::int as tokens, model, endpoint from usage_events
       where organization_id = $1 and api_calls = 0`,
      [organizationId],
    )
  const endpoint = '/openai/v1/chat/completions'
  await eventually(async () => expect(await events()).toEqual([{ tokens: 6, model: 'gpt-4o', endpoint }]))
  expect(said[2]).toMatch(/^6 tokens used, /)
})

test('a second start finds the existing route, and a key without tokens left is refused', async () => {
  const { key, organizationId } = await world.customer()
  await world.call('PUT', `/admin/organizations/${organizationId}/quotas`, { tokens: 50 })

  await expect(runPage(key)).rejects.toThrow('quota_exceeded')
})
