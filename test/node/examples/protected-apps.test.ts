/** The examples in Express and Next.js, with the client: the calls of their pages get the responses shown there. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Tollgate } from '../../../packages/tollgate/src/index.ts'
import { type App, execute, NEXT_TIMEOUT_MS, readAnswer, startNext, startProgram } from '../client/apps.ts'
import { type ClientWorld, startTollgate } from '../client/world.ts'
import { ROOT } from '../scripts/support.ts'

let world: ClientWorld
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-examples-'))
  world = await startTollgate()
})
afterAll(async () => {
  await world.close()
  await rm(folder, { recursive: true, force: true })
})

async function startExpress(variables: Record<string, string>): Promise<App> {
  const outfile = join(folder, 'express-api.cjs')
  await build({
    entryPoints: [join(ROOT, 'examples/express-api/app.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    tsconfig: join(ROOT, 'examples/tsconfig.json'),
    logLevel: 'error',
  })
  return startProgram(outfile, variables)
}

async function startNextApp(variables: Record<string, string>): Promise<App> {
  const path = 'app/api/orders/[id]/route.ts'
  return startNext(path, await readFile(join(ROOT, 'examples/next-app', path), 'utf8'), variables)
}

const EXAMPLES = [
  { example: 'express-api', start: startExpress, endpoint: '/v1/orders/:id' },
  { example: 'next-app', start: startNextApp, endpoint: '/api/orders/[id]' },
] as const

test.each(EXAMPLES)(
  'examples/$example refuses calls without a key, answers those with one, and reports them with their route',
  async ({ example, start, endpoint }) => {
    const tollgate = new Tollgate({ baseUrl: world.url, serviceKey: world.serviceKey })
    const external_id = crypto.randomUUID()
    const organization = await tollgate.customers.upsert({ external_id, name: 'Ada' })
    const { key } = await tollgate.keys.issue({ external_id, name: 'Key' })
    const app = await start({ TOLLGATE_URL: world.url, TOLLGATE_SERVICE_KEY: world.serviceKey })

    const page = await readFile(join(ROOT, 'examples', example, 'README.md'), 'utf8')
    const lines = [...page.matchAll(/^curl .*$/gm)].map(([line]) => line)
    const answers = []
    for (const line of lines)
      answers.push(readAnswer(await execute(line.replace('http://localhost:8010', app.url).replace('pk_test_…', key))))

    expect(answers).toMatchObject([
      { status: 401, body: { code: 'unauthenticated' } },
      { status: 200, body: { id: '42', organization: organization.id } },
    ])
    await expect
      .poll(() => readEndpoints(organization.id), { timeout: 10_000 })
      .toContainEqual({ endpoint, queries: 1 })
    await app.stop()
  },
  NEXT_TIMEOUT_MS,
)

const readEndpoints = (organizationId: string) =>
  world.sql.query('select endpoint, queries::int from usage_events where organization_id = $1', [organizationId])
