/** Builds packages/tollgate into its dist/: one module for each export of its package.json, and their types. */
import { spawnSync } from 'node:child_process'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { readArguments } from '../support/arguments.ts'
import { command } from '../support/command.ts'

const FOLDER = fileURLToPath(new URL('../../packages/tollgate', import.meta.url))
const DIST = join(FOLDER, 'dist')
const TSC = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url))

const HELP = `Usage: npm run build:client

Builds the client in packages/tollgate into its dist/.`

await command(async function buildClient() {
  if (readArguments({}).values.help) return console.log(HELP)
  await rm(DIST, { recursive: true, force: true })
  await build({
    entryPoints: await listEntries(),
    outdir: DIST,
    bundle: true,
    splitting: true,
    packages: 'external',
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    logLevel: 'error',
  })
  const flags = [
    '--noEmit',
    'false',
    '--rootDir',
    join(FOLDER, 'src'),
    '--declaration',
    '--emitDeclarationOnly',
    '--outDir',
    DIST,
  ]
  const { status } = spawnSync(process.execPath, [TSC, '-p', FOLDER, ...flags], { stdio: 'inherit' })
  if (status !== 0) throw new Error('The types cannot be built.')
  await nameModules()
})

/** @returns the source of each export */
async function listEntries(): Promise<string[]> {
  const { exports } = JSON.parse(await readFile(join(FOLDER, 'package.json'), 'utf8')) as { exports: object }
  const names = Object.keys(exports).filter((name) => name !== './package.json')
  return names.map((name) => join(FOLDER, 'src', `${name === '.' ? 'index' : name.slice(2)}.ts`))
}

/** Declarations import the source files; an installed package contains modules instead. */
async function nameModules(): Promise<void> {
  const files = (await readdir(DIST)).filter((name) => name.endsWith('.d.ts'))
  for (const file of files) {
    const text = await readFile(join(DIST, file), 'utf8')
    await writeFile(join(DIST, file), text.replaceAll(/((?:from |import\()['"]\.\/[\w-]+)\.ts(?=['"])/g, '$1.js'))
  }
}
