import { once } from 'node:events'
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { emptyDatabase, ROOT, runScript } from '../scripts/support.ts'

const WRANGLER = fileURLToPath(new URL('./wrangler-stand-in.mjs', import.meta.url))
const ANSWERS = {
  PUBLIC_URL: 'https://api.acme.dev',
  DATABASE_URL: 'postgresql://owner:a-secret-word@ep-1-pooler.neon.tech/main',
  UPSTASH_REDIS_REST_URL: 'https://acme.upstash.io',
  UPSTASH_REDIS_REST_TOKEN: 'a-secret-word',
  ADMIN_EMAIL: 'owner@acme.dev',
}

const NO_CALL = { args: [], secrets: {} as Record<string, string> }

/** A folder with a configuration of its own, and the log of wrangler's stand-in. */
async function openPlace() {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-setup-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const [config, calls] = [join(folder, 'wrangler.toml'), join(folder, 'calls')]
  await copyFile(join(ROOT, 'wrangler.toml'), config)
  const readCalls = async () => {
    const lines = (await readFile(calls, 'utf8').catch(() => '')).split('\n').filter(Boolean)
    return lines.map((line) => JSON.parse(line) as { args: string[]; secrets?: Record<string, string> })
  }
  return { config, readCalls, env: { ...ANSWERS, WRANGLER, WRANGLER_CALLS: calls } }
}

test('--dry-run prints each step, shows no secret and executes none', async () => {
  const { config, readCalls, env } = await openPlace()
  const { code, stdout } = await runScript(`setup --dry-run --config ${config}`, env)
  expect(code).toBe(0)
  expect(stdout.split('\n').map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
    '1. Write',
    '2. Apply',
    '3. Make',
    '4. Make',
    '5. Deploy',
    '6. Ask',
    'Nothing was',
    '',
  ])
  expect(stdout).not.toContain('a-secret-word')
  expect(await readCalls()).toEqual([])
  expect(await readFile(config, 'utf8')).toBe(await readFile(join(ROOT, 'wrangler.toml'), 'utf8'))
})

test('every missing or wrong setting is named at once, never with its value', async () => {
  const { env } = await openPlace()
  const wrong = { ...env, DATABASE_URL: 'mysql://a-secret-word', UPSTASH_REDIS_REST_TOKEN: '', ADMIN_EMAIL: 'nobody' }
  const { code, stderr } = await runScript('setup --dry-run', wrong)
  expect(code).toBe(1)
  expect(stderr.match(/[A-Z_]{8,}/g)).toEqual(['DATABASE_URL', 'UPSTASH_REDIS_REST_TOKEN', 'ADMIN_EMAIL'])
  expect(stderr).not.toContain('a-secret-word')
  const short = await runScript('setup --dry-run', { ...env, SECRET_KEY: 'short' })
  expect(short).toMatchObject({ code: 1, stderr: expect.stringContaining('SECRET_KEY') })
})

/** Wherever the deployment is said to be, it responds here: on this machine, where plain HTTP is enough. */
test('it migrates, seeds, deploys with secrets that it generated, and can be repeated without generating others', {
  timeout: 120_000,
}, async () => {
  const { config, readCalls, env } = await openPlace()
  const database = await emptyDatabase()
  onTestFinished(database.close)
  const server = createServer((_, response) => response.end('{"valid":false,"code":"NOT_FOUND"}')).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const here = { ...env, ...database.env, SMOKE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }

  const first = await runScript(`setup --first --config ${config}`, here)
  expect(first).toMatchObject({ code: 0, stderr: '' })
  expect(first.stdout).toMatch(/Service key, shown this once: \S+/)
  expect(first.stdout).toMatch(/owner@acme.dev is an administrator. Password, shown this once: \S+/)
  expect(await readFile(config, 'utf8')).toContain('\nPUBLIC_URL = "https://api.acme.dev"\n')
  const [{ args, secrets } = NO_CALL] = await readCalls()
  expect(args.slice(0, 2)).toEqual(['deploy', '--config'])
  expect(secrets).toMatchObject({
    DATABASE_URL: database.env.DATABASE_URL,
    UPSTASH_REDIS_REST_TOKEN: 'a-secret-word',
  })
  expect(Buffer.from(secrets?.SECRET_KEY ?? '', 'base64url')).toHaveLength(36)
  expect(secrets?.JWT_SECRET_KEY).not.toBe(secrets?.SECRET_KEY)

  const again = await runScript(`setup --config ${config}`, here)
  expect(again).toMatchObject({ code: 0, stderr: '' })
  const [, listed, redeployed] = await readCalls()
  expect(listed?.args.slice(0, 2)).toEqual(['secret', 'list'])
  expect(Object.keys(redeployed?.secrets ?? { SECRET_KEY: 'without a call' })).not.toContain('SECRET_KEY')
  const failed = await runScript(`setup --config ${config}`, { ...here, WRANGLER_FAILS: 'secret list' })
  expect(failed).toMatchObject({ code: 1, stderr: 'wrangler secret list failed: It says why.\n' })
})
