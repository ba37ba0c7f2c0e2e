import { spawnSync } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROOT, runScript } from './support.ts'

/** What an incomplete snippet leaves to its reader. */
const AROUND = `import type { TollgateBinding } from './tollgate'
declare const env: { TOLLGATE: TollgateBinding }
declare const key: string
export async function snippet(): Promise<Response> {
`

let folder: string
let snippets: { name: string; text: string }[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-docs-'))
  const pages = (await readdir(join(ROOT, 'docs'), { recursive: true }))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
  snippets = (await Promise.all(['README.md', ...pages].map(snippetsOf))).flat()
})

afterAll(() => rm(folder, { recursive: true, force: true }))

async function snippetsOf(page: string) {
  const text = await readFile(join(ROOT, page), 'utf8')
  const found = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code)
  const calls = found.filter((code) => code.includes('TOLLGATE.'))
  return calls.map((code, at) => ({ name: `${page.replaceAll(/\W/g, '-')}-${at}.ts`, text: code }))
}

/** Compiles what a caller has: the copied file and their own, with nothing else of this project. */
async function compile(files: Readonly<Record<string, string>>): Promise<string> {
  await cp(join(ROOT, 'src/rpc-types.ts'), join(folder, 'tollgate.ts'))
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)))
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: 'es2024',
    module: 'esnext',
    moduleResolution: 'bundler',
  }
  const workers = join(ROOT, 'node_modules/@cloudflare/workers-types/index.d.ts')
  const config = {
    compilerOptions: { ...compilerOptions, lib: ['es2024'], types: [] },
    files: [workers, ...Object.keys(files)],
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const { stdout } = spawnSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder])
  return stdout.toString()
}

test('the types of the service binding import nothing', async () => {
  expect(await readFile(join(ROOT, 'src/rpc-types.ts'), 'utf8')).not.toMatch(/^\s*(import|export .* from)\b|import\(/m)
})

test('the page on the service binding has every method of the class, and no other', async () => {
  const [page, code] = await Promise.all(
    ['docs/guides/service-binding.md', 'src/rpc.ts'].map((file) => readFile(join(ROOT, file), 'utf8')),
  )
  const rows = [...(page ?? '').matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell = '']) => cell.match(/\w+/g) ?? [])
  const methods = [...(code ?? '').matchAll(/^  async (\w+)\(/gm)].map(([, name]) => name)
  expect(methods.length).toBeGreaterThan(10)
  expect(rows.toSorted()).toEqual(methods.toSorted())
})

test('every documented call over the service binding compiles with strict, next to the one copied file', async () => {
  expect(snippets.map(({ name }) => name)).toEqual(
    expect.arrayContaining([expect.stringContaining('README'), expect.stringContaining('service-binding')]),
  )
  const files = snippets.map(({ name, text }) => [
    name,
    text.includes('import ') ? text : `${AROUND}${text}return new Response()\n}`,
  ])
  expect(await compile(Object.fromEntries(files))).toBe('')
})

test('an unknown field, and a property of a refused key, do not compile', async () => {
  const wrong = `${AROUND}await env.TOLLGATE.verifyKey({ key, cots: 1 })
const verdict = await env.TOLLGATE.verifyKey({ key })
const organization: string = verdict.organization_id
return new Response(organization)
}`
  const said = await compile({ 'wrong.ts': wrong })
  expect(said).toContain("'cots' does not exist in type 'VerifyKeyInput'")
  expect(said).toContain("Property 'organization_id' does not exist on type")
})

test('`wrangler types` in the folder of a caller, given both configurations, types the binding', async () => {
  expect(await runScript('build/worker', {})).toMatchObject({ code: 0, stderr: '' })
  const caller = `name = "caller"
main = "caller.ts"
compatibility_date = "2026-10-01"
services = [{ binding = "TOLLGATE", service = "tollgate", entrypoint = "Tollgate" }]`
  await writeFile(join(folder, 'wrangler.toml'), caller)
  await writeFile(join(folder, 'package.json'), '{"private":true}')
  const configs = ['-c', 'wrangler.toml', '-c', join(ROOT, 'wrangler.toml')]
  const wrangler = [join(ROOT, 'node_modules/wrangler/bin/wrangler.js'), 'types', 'env.d.ts', '--include-runtime=false']
  await writeFile(join(folder, 'caller.ts'), 'export default {}')
  const { HOME, PATH } = process.env
  const env = {
    HOME,
    PATH: [join(ROOT, 'node_modules/.bin'), PATH].join(delimiter),
    CI: '1',
    WRANGLER_SEND_METRICS: 'false',
  }
  const { status, stderr } = spawnSync(process.execPath, [...wrangler, ...configs], { cwd: folder, env })
  expect(status, stderr.toString()).toBe(0)
  const uses = `declare const env: Env
export async function use() {
  const verdict = await env.TOLLGATE.verifyKey({ key: '' })
  return verdict.valid ? verdict.organization_id : verdict.status
}
export const wrong = () => env.TOLLGATE.verifyKey({ kee: '' })`
  expect(await compile({ 'env.d.ts': await readFile(join(folder, 'env.d.ts'), 'utf8'), 'uses.ts': uses })).toMatch(
    /^\S*uses\.ts\(6,\d+\): error [^\n]*'kee'[^\n]*\n$/,
  )
})
