import { spawnSync } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { JOBS } from '../../../src/jobs/registry.ts'
import { PROBLEMS, Problem } from '../../../src/problems.ts'
import { VERSION } from '../../../src/version.ts'
import { ROOT } from './support.ts'

const read = (file: string) => readFile(join(ROOT, file), 'utf8')
const assignedIn = (text: string) => [...text.matchAll(/^([A-Z][A-Z0-9_]+) *=/gm)].map(([, name = '']) => name)

const namesIn = (text: string): string[] => text.match(/\b[A-Z][A-Z0-9]*(_[A-Z0-9]+)+\b/g) ?? []

/** @returns the variables that are named as missing or wrong, and without which all or all but verification stops */
function refused(env: object): string[] {
  try {
    const stopping = readConfig(env).faults.filter(({ feature }) => feature === 'management')
    return stopping.flatMap(({ variable, reason }) => namesIn(`${variable} ${reason}`))
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return namesIn(error.message)
  }
}

async function exampleVariables(): Promise<[name: string, value: string][]> {
  const text = await read('.dev.vars.example')
  return [...text.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value])
}

test('wrangler fires the crons of the jobs, and no others', async () => {
  const [, list = '[]'] = /^crons = (\[.*\])$/m.exec(await read('wrangler.toml')) ?? []
  const crons: string[] = JSON.parse(list)
  expect(new Set(crons)).toEqual(new Set(JOBS.map(({ cron }) => cron)))
  expect(new Set(crons).size).toBe(crons.length)
})

test('every job has a unique name', () => {
  const names = JOBS.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  expect(names.filter((name) => !/^[a-z]+(-[a-z]+)*$/.test(name))).toEqual([])
})

test('tests share the local services, so faults are injected only by the helper that requires a text of their own', async () => {
  const files = (await readdir(join(ROOT, 'test'), { recursive: true })).filter((file) => /\.tsx?$/.test(file))
  const shared = files.filter((file) => !file.startsWith('node/') && file !== 'support/faults.ts')
  const sources = await Promise.all(shared.map(async (file) => ({ file, text: await read(`test/${file}`) })))
  const posts = /control\/faults[^\n]*\{\s*method: '(?:POST|DELETE)'/
  expect(sources.filter(({ text }) => posts.test(text)).map(({ file }) => file)).toEqual([])
})

test('the version matches package.json', async () => {
  expect(VERSION).toBe(JSON.parse(await read('package.json')).version)
})

test('every problem occurs somewhere', async () => {
  const files = (await readdir(join(ROOT, 'src'), { recursive: true })).filter((file) => /\.tsx?$/.test(file))
  const sources = await Promise.all(
    files.filter((file) => file !== 'problem-codes.ts').map((file) => read(`src/${file}`)),
  )
  const unused = Object.keys(PROBLEMS).filter((code) => !sources.some((source) => source.includes(`'${code}'`)))
  expect(unused).toEqual([])
})

/** For the example's addresses, which belong to nobody. */
const ADDRESSES: Readonly<Record<string, string>> = {
  DATABASE_URL: 'postgresql://user:password@ep-1.eu-central-1.aws.neon.tech/tollgate',
  UPSTASH_REDIS_REST_URL: 'https://eu1-real-1.upstash.io',
}

test('the example of variables names exactly the required ones: none is missing, and none can be omitted', async () => {
  const example = await exampleVariables()
  const filledIn = example.map(([name, value]) => [
    name,
    value.startsWith('replace-') ? name.padEnd(48, 'x') : (ADDRESSES[name] ?? value),
  ])
  expect(refused(Object.fromEntries(filledIn))).toEqual([])
  for (const [left] of example)
    expect(refused(Object.fromEntries(filledIn.filter(([name]) => name !== left)))).toContain(left)
})

test('no placeholder of the example is accepted as a secret or an address', async () => {
  const example = await exampleVariables()
  const isPlaceholder = (name: string, value: string) => value.startsWith('replace-') || name in ADDRESSES
  const placeholders = example.filter(([name, value]) => isPlaceholder(name, value)).map(([name]) => name)
  expect(refused(Object.fromEntries(example))).toEqual(placeholders)
  expect(placeholders.length).toBeGreaterThan(0)
})

test('every setting in wrangler.toml is known and valid, and none is a secret', async () => {
  const [, section = ''] = /^\[vars\]$([\s\S]*?)^\[/m.exec(await read('wrangler.toml')) ?? []
  const values = [...section.matchAll(/^([A-Z_]+) = (".*")$/gm)].map(([, name = '', value = '']) => [
    name,
    JSON.parse(value),
  ])
  const config = readConfig({
    DATABASE_URL: 'postgresql://ada:pass@db.example.com/tollgate',
    UPSTASH_REDIS_REST_URL: 'https://redis.example.com',
    UPSTASH_REDIS_REST_TOKEN: 'token',
    JWT_SECRET_KEY: 'x'.repeat(32),
    SECRET_KEY: 'y'.repeat(32),
    ...Object.fromEntries(values),
  })
  expect(values.map(([name]) => name)).toEqual(assignedIn(section))
  expect(assignedIn(section).filter((name) => !(name in config) || /SECRET|TOKEN|PASSWORD|_KEY$/.test(name))).toEqual(
    [],
  )
})

test('the Worker is bundled by the same esbuild that wrangler has', async () => {
  const [ours, wranglers] = await Promise.all(
    ['package.json', 'node_modules/wrangler/package.json'].map(async (file) => JSON.parse(await read(file))),
  )
  expect(ours.devDependencies.esbuild).toBe(wranglers.dependencies.esbuild)
})

test('npm start runs the same workerd as wrangler and the tests', async () => {
  const [ours, wranglers] = await Promise.all(
    ['package.json', 'node_modules/wrangler/package.json'].map(async (file) => JSON.parse(await read(file))),
  )
  expect(ours.dependencies.workerd).toBe(wranglers.dependencies.workerd)
})

test('every script checks its Node version first: with an older one it prints a one-line instruction', async () => {
  const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> }
  const unguarded = Object.entries(scripts).filter(
    ([, line]) =>
      !line.startsWith('node --import ./local/require-node.mjs ') && !/^(npm run|tsc|oxlint|biome|knip)\b/.test(line),
  )
  expect(unguarded).toEqual([])
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--no-experimental-strip-types', ...(scripts.dev ?? '').split(' ').slice(1)], // what Node 20 can read
    { cwd: ROOT, encoding: 'utf8' },
  )
  expect([status, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^This needs Node 22\.18 or newer, and runs on [^\n]+ Run: npm rebuild node\n$/)
})

test('every script reads its options in the same strict way, which reports an unknown one with the nearest', async () => {
  const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> }
  const ours = Object.values(scripts).flatMap((line) => /\S+(?<!\.config)\.ts$/.exec(line)?.[0] ?? [])
  expect(ours.length).toBeGreaterThan(10)
  const sources = await Promise.all(ours.map(async (file) => [file, await read(file)] as const))
  const lax = sources.filter(([, text]) => !/\breadArguments\(/.test(text) || /process\.argv|\bparseArgs\b/.test(text))
  expect(lax.map(([file]) => file)).toEqual([])
  for (const file of ['bench/cost/cost.ts', 'local/build/worker.ts']) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [file, '--hlep'], { cwd: ROOT, encoding: 'utf8' })
    expect([file, status, stdout, stderr]).toEqual([
      file,
      1,
      '',
      'Unknown option --hlep; did you mean --help? Try --help.\n',
    ])
  }
})

test('zod is imported from zod: in the bundle @hono/zod-openapi has one class of it', async () => {
  const files = (await readdir(join(ROOT, 'src'), { recursive: true })).filter((file) => /\.tsx?$/.test(file))
  const taking = await Promise.all(
    files.map(async (file) =>
      (await read(`src/${file}`)).match(/import \{[^}]*\bz\b[^}]*\} from '@hono\/zod-openapi'/) ? file : '',
    ),
  )
  expect(taking.filter(Boolean)).toEqual([])
})

test('only db/batch.ts runs a batch, so that a requirement always becomes a problem or a refusal', async () => {
  const files = (await readdir(join(ROOT, 'src'), { recursive: true })).filter((file) => /\.tsx?$/.test(file))
  const sources = await Promise.all(files.map(async (file) => [file, await read(`src/${file}`)] as const))
  const running = sources.filter(([, text]) => /\bdb\s*\.batch\(/.test(text)).map(([file]) => file)
  expect(running).toEqual(['db/batch.ts'])
  const locking = sources.filter(([, text]) =>
    /(?<!Symbol)\.for\('|for (no key )?update(?! (of \w+ )?skip locked)/.test(text),
  )
  const allowed = ['admin/plans/queries.ts', 'db/locks.ts'] // raiseOrganizations locks and updates in one statement
  expect(locking.map(([file]) => file).toSorted()).toEqual(allowed)
})

test('no lint rule is written as a pattern that oxlint silently ignores', async () => {
  const patterns = [...(await read('.oxlintrc.json')).matchAll(/"regex": "([^"]+)"/g)].map(
    ([, pattern = '']) => pattern,
  )
  expect(patterns.length).toBeGreaterThan(0)
  expect(patterns.filter((pattern) => /\(\?[!=<]/.test(pattern))).toEqual([])
})
