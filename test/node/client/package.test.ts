import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { build } from 'esbuild'
import { publint } from 'publint'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROOT, runScript } from '../scripts/support.ts'

const PACKAGE = join(ROOT, 'packages/tollgate')

/** What the README's examples use. */
const PEERS = ['hono', 'express', '@types/express', 'openai', '@anthropic-ai/sdk', 'ai', '@ai-sdk/openai-compatible']

let folder: string
let tarball: string
let installed: string
let manifest: { exports: Record<string, unknown>; dependencies?: object; version: string }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-client-'))
  installed = join(folder, 'node_modules/tollgate')
  expect(await runScript('build/client', {})).toMatchObject({ code: 0, stderr: '' })
  const packed = run('npm', ['pack', '--ignore-scripts', '--offline', '--pack-destination', folder], PACKAGE)
  tarball = join(folder, packed.trim())
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball])
  await mkdir(join(folder, 'node_modules/@anthropic-ai'))
  await mkdir(join(folder, 'node_modules/@ai-sdk'))
  await mkdir(join(folder, 'node_modules/@types'))
  for (const peer of PEERS) await symlink(join(ROOT, 'node_modules', peer), join(folder, 'node_modules', peer))
  manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

function run(file: string, args: readonly string[], cwd = folder): string {
  const { status, stdout, stderr } = spawnSync(file, args, { cwd, encoding: 'utf8' })
  expect(status, `${stdout}${stderr}`).toBe(0)
  return stdout
}

const exportNames = () =>
  Object.keys(manifest.exports)
    .filter((name) => name !== './package.json')
    .map((name) => `tollgate${name.slice(1)}`)

/** Compiles files as an installer of the package would. @returns tsc's output */
async function compile(files: Readonly<Record<string, string>>, resolution: 'bundler' | 'nodenext'): Promise<string> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: 'es2022',
    lib: ['es2022', 'dom', 'dom.iterable'],
    module: resolution === 'bundler' ? 'esnext' : 'nodenext',
    moduleResolution: resolution,
    types: [],
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: Object.keys(files) }))
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const said = spawnSync(process.execPath, [tsc, '-p', folder], { cwd: folder, encoding: 'utf8' }).stdout
  const ofOthers = /^\S*node_modules\/(?!tollgate\/)\S+\(\d+,\d+\): .*\n(?: .*\n)*/gm // type errors in peer dependencies
  return said.replaceAll(ofOthers, '')
}

/** The project's, and others on this machine. */
function listNodes(): [version: string, path: string][] {
  const found = (process.env.PATH ?? '').split(delimiter).map((place) => join(place, 'node'))
  const nodes = [process.execPath, ...found].flatMap((path): [string, string][] => {
    const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' })
    return status === 0 ? [[stdout.trim(), path]] : []
  })
  return [...new Map(nodes.toReversed())].filter(([version]) => Number(version.slice(1).split('.')[0]) >= 20)
}

test.each(listNodes())(
  'on Node %s every export of the installed package can be imported, and it works',
  async (_, node) => {
    const names = exportNames()
    expect(names).toEqual(expect.arrayContaining(['tollgate', 'tollgate/hono', 'tollgate/webhooks']))
    const program = names.map((name, at) => `import * as e${at} from '${name}'`)
    const list = names.map((_, at) => `Object.keys(e${at})`)
    const said = run(node, [
      '--input-type=module',
      '-e',
      `${program.join('\n')}\nconsole.log(JSON.stringify([${list.join()}]))`,
    ])
    for (const values of JSON.parse(said)) expect(values.length).toBeGreaterThan(0)
    const client = `import { Tollgate } from 'tollgate'
const tollgate = new Tollgate({ baseUrl: 'http://127.0.0.1:9', serviceKey: 'svc', retries: 0 })
console.log((await tollgate.keys.verify({ key: 'ck' })).code)`
    expect(run(node, ['--input-type=module', '-e', client])).toBe('UNAVAILABLE\n')
  },
)

test('the package has no dependencies, and is well-formed', async () => {
  expect(manifest.dependencies).toBeUndefined()
  const { messages } = await publint({ pkgDir: installed, strict: true })
  expect(messages).toEqual([])
})

test('its types are found for every export by every module resolution that supports ES modules', async () => {
  const checked = await checkPackage(createPackageFromTarballData(await readFile(tarball)))
  const problems = checked.types ? checked.problems : [{ kind: 'NoTypes' as const }]
  const ofOldResolutions = (problem: (typeof problems)[number]) =>
    problem.kind === 'CJSResolvesToESM' || ('resolutionKind' in problem && problem.resolutionKind === 'node10')
  expect(problems.filter((problem) => !ofOldResolutions(problem))).toEqual([])
})

test('its version is that of the Worker whose API it knows', async () => {
  expect(manifest.version).toBe(JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')).version)
})

test('the client is smaller than 8 kB, compressed', async () => {
  const { outputFiles } = await build({
    entryPoints: [join(installed, 'dist/index.js')],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
  })
  expect(gzipSync(outputFiles[0]?.contents ?? '').length).toBeLessThan(8 * 1024)
})

test.each(['bundler', 'nodenext'] as const)(
  'every code block of its README compiles with strict, by %s',
  async (resolution) => {
    const page = await readFile(join(installed, 'README.md'), 'utf8')
    const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code)
    expect(blocks.length).toBeGreaterThan(3)
    expect([...page.matchAll(/^```(\w+)/gm)].map(([, language]) => language)).not.toContain('js')
    for (const name of exportNames()) expect(page).toContain(`from '${name}'`)
    const files = blocks.map((code, at) => [`block-${at}.ts`, `${code}\nexport {}\n`])
    expect(await compile(Object.fromEntries(files), resolution)).toBe('')
  },
  120_000, // with the types of every framework
)

test('the types know the fields of a verdict, the operations, their inputs, and those that a binding accepts', async () => {
  const text = `import { Tollgate } from 'tollgate'
import type { TollgateBinding } from 'tollgate'
declare const binding: TollgateBinding
const tollgate = new Tollgate({ baseUrl: 'https://tollgate.example.com', serviceKey: 'svc' })
const verdict = await tollgate.keys.verify({ key: 'k' })
export const organization: string = verdict.organization_id
await tollgate.keys.verify({ kee: 'k' })
await tollgate.call('GET /quotaz')
await tollgate.call('GET /usage/breakdown', { query: { by: 'colour' } })
await Tollgate.fromBinding(binding).call('GET /admin/plans')
await tollgate.members.list({ external_id: 'c', limit: 5 })
await tollgate.members.list({ limit: 5 })
await tollgate.members.list({ organization_id: 'o', external_id: 'c' })
await tollgate.roles.create({ external_id: 'c', name: 'r' })
await tollgate.customers.update({ organization_id: 'o', external_id: 'c', name: 'Ada' })
await tollgate.customers.update({ external_id: 'c', nmae: 'Ada' })
for await (const { email } of tollgate.members.list({ external_id: 'c' })) email.toUpperCase()
for await (const { emial } of tollgate.members.list({ external_id: 'c' })) console.log(emial)
`
  const said = await compile({ 'wrong.ts': text }, 'bundler')
  expect([...said.matchAll(/^wrong\.ts\((\d+),/gm)].map(([, line]) => Number(line))).toEqual([
    6, 7, 8, 9, 10, 12, 13, 14, 16, 18,
  ])
})
