/**
 * Builds the Worker and the dashboard into dist/, where wrangler reads them: wrangler runs this itself, before `dev` and
 * `deploy`. During development, `npm run dev` builds the dashboard.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readArguments } from '../support/arguments.ts'
import { command } from '../support/command.ts'
import { bundle } from './bundle.ts'
import { buildDashboard } from './dashboard.ts'
import { buildDocs } from './docs.ts'

const FOLDER = fileURLToPath(new URL('../../dist', import.meta.url))

/** What `wrangler types` reads for a Worker that is bound to this one, when it gets both configurations. */
const TYPES = `import type { WorkerEntrypoint } from 'cloudflare:workers'
import type { TollgateBinding } from './rpc-types'
export declare const Tollgate: new (...args: any[]) => WorkerEntrypoint & TollgateBinding
`

const HELP = `Usage: npm run build

Builds the Worker's modules, the types of its service binding, the dashboard
and the documentation, into dist/.`

await command(async function buildWorker() {
  if (readArguments({}).values.help) return console.log(HELP)
  const isDev = process.env.WRANGLER_COMMAND === 'dev'
  const pieces = await bundle('src/index.ts', isDev ? 'dev' : 'edge')
  await mkdir(join(FOLDER, 'assets'), { recursive: true }) // wrangler.toml refers to it
  if (!isDev) await Promise.all([buildDashboard(), buildDocs(join(FOLDER, 'assets'))])
  for (const { name, bytes, map } of pieces.toReversed()) {
    if (map) await put(`${name}.map`, Buffer.from(map))
    await put(name, bytes) // the entry comes last, when everything it imports exists
  }
  await put('index.d.ts', Buffer.from(TYPES))
  await put('rpc-types.d.ts', await readFile(new URL('../../src/rpc-types.ts', import.meta.url)))
  const built = new Set(pieces.flatMap(({ name }) => [name, `${name}.map`]))
  const old = (await readdir(FOLDER)).filter((name) => /\.(js(\.map)?|wasm)$/.test(name) && !built.has(name))
  await Promise.all(old.map((name) => rm(join(FOLDER, name), { force: true })))
})

/** Several servers may start at once: a file is written whole or not at all, and not rewritten if it is the same. */
async function put(name: string, bytes: Uint8Array): Promise<void> {
  const file = join(FOLDER, name)
  if ((await readFile(file).catch(() => undefined))?.equals(bytes)) return
  const draft = `${file}.${process.pid}`
  await writeFile(draft, bytes)
  await rename(draft, file)
}
