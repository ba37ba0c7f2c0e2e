/** The guides that protect an API: their code runs with the packed client, and responds as they say. */
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildWorker, startWorkerd } from '../../../bench/worker.ts'
import { Tollgate } from '../../../packages/tollgate/src/index.ts'
import { type App, execute, NEXT_TIMEOUT_MS, readAnswer, startNext, startProgram } from '../client/apps.ts'
import { type ClientWorld, startTollgate } from '../client/world.ts'
import { ROOT, runScript } from './support.ts'

let world: ClientWorld
let folder: string

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'tollgate-guides-')))
  world = await startTollgate()
  expect(await runScript('build/client', {})).toMatchObject({ code: 0, stderr: '' })
  const modules = join(folder, 'node_modules')
  await mkdir(join(modules, '@types'), { recursive: true })
  for (const name of ['hono', 'express', '@types/express', '@types/node'])
    await symlink(join(ROOT, 'node_modules', name), join(modules, name))
  execFileSync('cp', ['-r', join(ROOT, 'packages/tollgate'), join(modules, 'tollgate')])
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
})
afterAll(async () => {
  await world.close()
  await rm(folder, { recursive: true, force: true })
})

const variables = () => ({ TOLLGATE_URL: world.url, TOLLGATE_SERVICE_KEY: world.serviceKey })

async function startWorker(file: string, variables: Record<string, string>): Promise<App> {
  const app = await startWorkerd({ app: { bundle: await buildWorker(relative(ROOT, file)), variables } })
  return { url: app.url, stop: app.kill }
}

/** With `next dev`, as the guide starts it. */
async function startNextRoute(file: string, variables: Record<string, string>): Promise<App> {
  const path = relative(join(folder, 'protect-next'), file)
  return startNext(path, await readFile(file, 'utf8'), variables)
}

const GUIDES = [
  ['protect-hono', 'app.ts', startWorker],
  ['protect-express', 'app.ts', startProgram],
  ['protect-next', 'app/v1/orders/[id]/route.ts', startNextRoute],
] as const

test.each(GUIDES)(
  'the code of %s.md compiles with strict and runs, and its calls get the responses it shows',
  async (name, file, start) => {
    const page = await readFile(join(ROOT, 'docs/guides', `${name}.md`), 'utf8')
    const [, code = ''] = /^```ts\n(.*?)^```$/ms.exec(page) ?? []
    const path = join(folder, name, file)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, code)
    expect(compile(path)).toBe('')

    const tollgate = new Tollgate({ baseUrl: world.url, serviceKey: world.serviceKey })
    const external_id = crypto.randomUUID()
    await tollgate.customers.upsert({ external_id, name: 'Ada' })
    const { key } = await tollgate.keys.issue({ external_id, name: 'Key' })
    const app = await start(path, variables())
    const calls = [...page.matchAll(/^```sh\n(curl .*?)\n```\n```\n(HTTP.*?)^```$/gms)]
    expect(calls).toHaveLength(2)
    for (const [, call = '', said = ''] of calls) {
      const line = call.replace('http://localhost:8010', app.url).replace('pk_test_…', key)
      expectSame(await execute(line), said)
    }
    const used = async () => (await tollgate.quotas.get({ external_id })).meters.queries.used
    await expect.poll(used, { timeout: 10_000 }).toBe(1)
    await app.stop()
  },
  NEXT_TIMEOUT_MS,
)

/** Status, the headers that the guide shows, and the body. Rate limit amounts are current ones. */
function expectSame(answered: string, said: string): void {
  const [ours, theirs] = [readAnswer(answered), readAnswer(said)]
  expect([ours.status, ours.body]).toEqual([theirs.status, theirs.body])
  expect(ours.names).toEqual(expect.arrayContaining(theirs.names))
}

function compile(file: string): string {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const flags = [
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    '--target',
    'es2022',
    '--module',
    'nodenext',
    '--types',
    'node',
  ]
  try {
    return execFileSync(process.execPath, [tsc, ...flags, file], { cwd: folder, encoding: 'utf8' })
  } catch (error) {
    return (error as { stdout: string }).stdout
  }
}
