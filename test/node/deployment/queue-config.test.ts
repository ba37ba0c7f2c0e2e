import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { unstable_readConfig as readConfig } from 'wrangler'
import { addQueue, makeQueues } from '../../../local/deployment/queue-config.ts'
import { openWrangler } from '../../../local/deployment/wrangler.ts'
import { ROOT, runScript } from '../scripts/support.ts'

const readText = () => readFile(join(ROOT, 'wrangler.toml'), 'utf8')

async function parse(text: string) {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-queue-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const config = join(folder, 'wrangler.toml')
  await writeFile(config, text)
  return readConfig({ config })
}

test('once uncommented the queue of wrangler.toml is valid for wrangler, and nothing else has changed', async () => {
  const text = await readText()
  const { queues: none, ...others } = await parse(text)
  expect(none).toEqual({ producers: [], consumers: [] })
  const { queues, ...same } = await parse(addQueue(text))
  expect(queues.producers).toEqual([{ binding: 'USAGE_QUEUE', queue: 'tollgate-usage' }])
  expect(queues.consumers).toEqual([
    {
      queue: 'tollgate-usage',
      max_batch_size: 100,
      max_batch_timeout: 1,
      max_concurrency: 4,
      max_retries: 100,
      retry_delay: 60,
      dead_letter_queue: 'tollgate-usage-dead',
    },
  ])
  const withoutPaths = ({ vars, triggers, limits, observability, assets }: typeof same) => ({
    vars,
    triggers,
    limits,
    observability,
    binding: assets?.binding,
  })
  expect(withoutPaths(same)).toEqual(withoutPaths(others))
})

test('running twice is the same as once, and a configuration without the lines is refused', async () => {
  const once = addQueue(await readText())
  expect(addQueue(once)).toBe(once)
  expect(() => addQueue('name = "tollgate"\n')).toThrow('#[[queues.producers]]')
})

test('setup creates the missing queues, and writes them into the configuration', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-queue-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const [config, calls] = [join(folder, 'wrangler.toml'), join(folder, 'calls')]
  await writeFile(config, await readText())
  const standIn = openWrangler(join(ROOT, 'test/node/deployment/wrangler-stand-in.mjs'))
  await makeQueues({ config, wrangler: (args) => standIn(args, { WRANGLER_CALLS: calls }) })
  const lines = (await readFile(calls, 'utf8')).split('\n').filter(Boolean)
  expect(lines.map((line) => JSON.parse(line).args.slice(0, 3))).toEqual([
    ['queues', 'list', '--config'],
    ['queues', 'create', 'tollgate-usage-dead'],
  ])
  expect(await readFile(config, 'utf8')).toBe(addQueue(await readText()))
  const { stdout } = await runScript('setup --queue --dry-run', ANSWERS)
  expect(stdout).toMatch(/^5\. Make the queue of usage.*\n6\. Deploy/m)
})

const ANSWERS = {
  PUBLIC_URL: 'https://api.acme.dev',
  DATABASE_URL: 'postgresql://owner:a-secret-word@ep-1-pooler.neon.tech/main',
  UPSTASH_REDIS_REST_URL: 'https://acme.upstash.io',
  UPSTASH_REDIS_REST_TOKEN: 'a-secret-word',
  ADMIN_EMAIL: 'owner@acme.dev',
}
