import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { smoke } from '../../../local/deployment/smoke.ts'
import { collect, ROOT, runScript } from '../scripts/support.ts'

const WRANGLER = fileURLToPath(new URL('./wrangler-stand-in.mjs', import.meta.url))

interface Asked {
  readonly path: string
  readonly version: string | undefined
}

/** A deployment that responds with what `statusOf` returns. */
async function openDeployment(statusOf: (asked: Asked, times: number) => number) {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    const one = { path: request.url ?? '', version: String(request.headers['cloudflare-workers-version-overrides']) }
    asked.push(one)
    const [, named] = /^tollgate="(.+)"$/.exec(one.version ?? '') ?? []
    const body = { valid: false, code: 'NOT_FOUND', version_id: named }
    response.writeHead(statusOf(one, asked.length)).end(JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-roll-out-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const calls = join(folder, 'calls')
  const { port } = server.address() as AddressInfo
  const env = { PUBLIC_URL: `http://127.0.0.1:${port}`, SERVICE_KEY: 'a-service-key', WRANGLER, WRANGLER_CALLS: calls }
  const readCalls = async () => {
    const lines = (await readFile(calls, 'utf8').catch(() => '')).split('\n').filter(Boolean)
    return lines.map((line) => (JSON.parse(line) as { args: string[] }).args.join(' '))
  }
  return { env, asked, readCalls }
}

test('a version that works gets its shares, is checked at each of them by its own name, and then gets everything', async () => {
  const { env, asked, readCalls } = await openDeployment(() => 200)
  const { code, stdout, stderr } = await runScript('roll-out --steps 10,50 --pause 1', env)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain('new-version has all requests.')
  expect(await readCalls()).toEqual([
    'deployments status --json',
    'versions upload',
    'versions deploy new-version@10% old-version@90% --yes',
    'versions deploy new-version@50% old-version@50% --yes',
    'versions deploy new-version@100% --yes',
    'triggers deploy',
  ])
  expect(new Set(asked.map(({ version }) => version))).toEqual(new Set(['tollgate="new-version"']))
  expect(asked).toHaveLength(18)
  expect(new Set(asked.map(({ path }) => path))).toEqual(
    new Set(['/health/ready', '/.well-known/jwks.json', '/api/v1/keys/verify']),
  )
})

test('one that stops working at half of the requests loses all of them again', async () => {
  const { env, readCalls } = await openDeployment((_, times) => (times > 8 ? 503 : 200))
  const { code, stderr } = await runScript('roll-out --pause 1', env)
  expect(code).toBe(1)
  expect(stderr).toMatch(/^Rolled back to old-version: http:.* answers 503/)
  expect((await readCalls()).slice(-2)).toEqual([
    'versions deploy new-version@50% old-version@50% --yes',
    'versions deploy old-version@100% --yes',
  ])
})

test('a share that Cloudflare does not set is an error as well, and is rolled back', async () => {
  const { env, readCalls } = await openDeployment(() => 200)
  const { code, stderr } = await runScript('roll-out --pause 1', {
    ...env,
    WRANGLER_FAILS: 'versions deploy new-version@50',
  })
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: 'Rolled back to old-version: wrangler versions deploy failed: It says why.\n',
  })
  expect((await readCalls()).at(-1)).toBe('versions deploy old-version@100% --yes')
})

test('if the version before cannot get its requests back, the first reason is told as well', async () => {
  const { env } = await openDeployment((_, times) => (times > 8 ? 503 : 200))
  const { code, stderr } = await runScript('roll-out --pause 1', {
    ...env,
    WRANGLER_FAILS: 'versions deploy old-version@100',
  })
  expect(code).toBe(1)
  expect(stderr).toMatch(/answers 503.*old-version could not get all requests back: .*versions deploy old-version@100%/)
})

test.each(['SIGTERM', 'SIGINT'] as const)('%s during a pause gives all requests back', async (signal) => {
  const { env, readCalls } = await openDeployment(() => 200)
  const args = ['local/roll-out.ts', '--pause', '600']
  const child = spawn(process.execPath, args, { cwd: ROOT, env: { PATH: process.env.PATH, ...env } })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
  const ended = once(child, 'close')
  await expect.poll(stdout, { timeout: 30_000 }).toContain('10 of 100')
  child.kill(signal)
  expect(await ended).toEqual([1, null])
  expect(stderr()).toBe(`Rolled back to old-version: It was ended by ${signal}.\n`)
  expect((await readCalls()).at(-1)).toBe('versions deploy old-version@100% --yes')
})

test('a version is asked by the name of the Worker until it answers itself, and management as well', async () => {
  let answers = 0
  const { env, asked } = await openDeployment(() => 200)
  const old = await openDeployment(() => (answers++ < 1 ? 200 : 503))
  const named = { worker: 'tollgate', version: 'new-version' }
  await smoke({ url: env.PUBLIC_URL, named })
  expect(asked.map(({ path }) => path)).toEqual(['/health/ready', '/.well-known/jwks.json'])
  const other = { worker: 'another', version: 'new-version' }
  await expect(smoke({ url: env.PUBLIC_URL, named: other, appearsWithinMs: 1 })).rejects.toThrow(
    'does not say which version answers',
  )
  await expect(smoke({ url: old.env.PUBLIC_URL, named })).rejects.toThrow('jwks.json answers 503')
})

/** Versions by id: their code, and what made them. The deployments, the newest last. */
const HISTORY = {
  versions: { z: ['old', 'upload'], a: ['right', 'upload'], b: ['wrong', 'upload'], c: ['wrong', 'secret'] },
  deployments: [['z'], ['a'], ['a', 'b'], ['b']],
}

test('a rollback goes to the last version with other code', async () => {
  const { env, readCalls } = await openDeployment(() => 200)
  const history = { ...env, WRANGLER_HISTORY: JSON.stringify(HISTORY) }
  const { code, stdout } = await runScript('roll-out --back', history)
  expect([code, (await readCalls()).at(-1)]).toEqual([0, 'versions deploy a@100% --yes'])
  expect(stdout).toMatch(/^a, of .* has all requests, and b none\.\n.*upload the right code/)
})

test('a rollback after a change of a secret does not bring the old secret back, unless it is told to', async () => {
  const { env, readCalls } = await openDeployment(() => 200)
  const deployments = [...HISTORY.deployments, ['c']]
  const history = { ...env, WRANGLER_HISTORY: JSON.stringify({ ...HISTORY, deployments }) }
  const refused = await runScript('roll-out --back', history)
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('a has the secrets of its time: 1 changed'),
  })
  expect((await readCalls()).filter((call) => call.startsWith('versions deploy'))).toEqual([])
  expect(await runScript('roll-out --back --dry-run', history)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^All requests would go from c to a, .* secrets before 1 changes\.$/m),
  })
  expect(await runScript('roll-out --back --with-old-secrets', history)).toMatchObject({ code: 0 })
  expect((await readCalls()).at(-1)).toBe('versions deploy a@100% --yes')
})

test.each([
  ['it was given back by the roll-out', [['z'], ['a'], ['a', 'b'], ['a']]],
  ['it was rolled back', [['z'], ['a'], ['b'], ['a']]],
  ['a secret was changed since', [['z'], ['a'], ['b'], ['c'], ['a']]],
])('a wrong version that has no requests any more is not rolled back again: %s', async (_, deployments) => {
  const { env, readCalls } = await openDeployment(() => 200)
  const history = { ...env, WRANGLER_HISTORY: JSON.stringify({ ...HISTORY, deployments }) }
  for (const line of ['roll-out --back', 'roll-out --back --dry-run']) {
    const { code, stdout } = await runScript(line, history)
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^Nothing to do: [bc] is rolled back already, to a\./)])
  }
  expect((await readCalls()).filter((call) => call.startsWith('versions deploy'))).toEqual([])
})

test('where no other code was deployed lately, nothing is rolled back', async () => {
  const { env, readCalls } = await openDeployment(() => 200)
  const history = { ...HISTORY, deployments: [['b'], ['c']] }
  const { code, stderr } = await runScript('roll-out --back', { ...env, WRANGLER_HISTORY: JSON.stringify(history) })
  expect([code, stderr]).toEqual([1, expect.stringContaining('None of the last ten deployments has other, older code')])
  expect((await readCalls()).filter((call) => call.startsWith('versions deploy'))).toEqual([])
})

test('--dry-run prints each step and executes none', async () => {
  const { env, asked, readCalls } = await openDeployment(() => 200)
  const { code, stdout } = await runScript('roll-out --dry-run --steps 25', env)
  expect(code).toBe(0)
  expect(stdout).toContain('2. give it 25 of 100 requests, ask it, wait 60 s, ask it again')
  expect([asked, await readCalls()]).toEqual([[], []])
})

test.each([
  ['roll-out --steps 50,10', '--steps=50,10 are not whole numbers that rise between 1 and 99, such as 10,50.'],
  ['roll-out --steps 10,100', '--steps=10,100 are not whole numbers that rise between 1 and 99, such as 10,50.'],
  ['roll-out --pause soon', '--pause=soon is not a whole number above zero.'],
])('%s is refused', async (line, message) => {
  const { code, stderr } = await runScript(line, { PUBLIC_URL: 'https://api.acme.dev' })
  expect([code, stderr]).toEqual([1, `${message}\n`])
})
