/** Builds what `npm start` runs: the Worker, the code that surrounds it without Cloudflare, and its files. */
import { createHash } from 'node:crypto'
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Next to dist/, which is wrangler's: it would upload everything in there. */
const FOLDER = join(ROOT, 'dist-stand-alone')
/** What the build depends on. If one of them is missing, as in an image, nothing can be built. */
const SOURCES = ['src', 'dashboard', 'docs', 'local/build', 'local/stand-alone', 'wrangler.toml', 'package-lock.json']
const MANIFEST = 'manifest.json'
/** The entry of the outbound Worker; that of the other one is `index.js`. */
export const OUTBOUND = 'outbound.js'

/** The build, and how wrangler.toml says to run it. */
export interface Manifest {
  readonly sources: string
  /** Names of the Worker's modules, its entry first. */
  readonly modules: readonly string[]
  readonly compatibilityDate: string
  readonly compatibilityFlags: readonly string[]
  readonly crons: readonly string[]
}

export const inBuild = (name: string): string => join(FOLDER, name)

/**
 * Builds it, unless a build exists and its sources have not changed.
 *
 * @param onBuild called before a build, which takes some seconds
 */
export async function ensureBuild(onBuild: () => void): Promise<Manifest> {
  const known = await readManifest()
  const sources = await hashSources()
  if (known && (sources === undefined || known.sources === sources)) return known
  if (sources === undefined) throw new Error('dist-stand-alone/ is missing, and so are the sources to build it from.')
  onBuild()
  return build(sources)
}

async function readManifest(): Promise<Manifest | undefined> {
  try {
    return JSON.parse(await readFile(inBuild(MANIFEST), 'utf8'))
  } catch {
    return undefined
  }
}

/** @returns undefined if sources are missing */
async function hashSources(): Promise<string | undefined> {
  const hash = createHash('sha256')
  for (const source of SOURCES) {
    const path = join(ROOT, source)
    const isThere = await access(path).then(
      () => true,
      () => false,
    )
    if (!isThere) return undefined
    for (const file of await listFiles(path)) hash.update(file.slice(ROOT.length)).update(await readFile(file))
  }
  return hash.digest('hex')
}

async function listFiles(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => undefined)
  if (!entries) return [path] // a file
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
}

/** Builds in a separate folder first, so that the build exists whole or not at all. */
async function build(sources: string): Promise<Manifest> {
  // The tools are missing where nothing is ever built, as in an image.
  const [{ bundle }, { buildDashboard }, { buildDocs }, { parse }] = await Promise.all([
    import('../build/bundle.ts'),
    import('../build/dashboard.ts'),
    import('../build/docs.ts'),
    import('smol-toml'),
  ])
  const draft = `${FOLDER}.${process.pid}`
  await mkdir(join(draft, 'files'), { recursive: true })
  const [worker, outbound] = await Promise.all([
    bundle('local/stand-alone/worker/index.ts'),
    bundle('local/stand-alone/worker/outbound.ts'),
    buildDashboard(join(draft, 'files', 'dashboard')),
    buildDocs(join(draft, 'files')),
  ])
  for (const { name, bytes } of worker) await writeFile(join(draft, name), bytes)
  for (const { bytes } of outbound) await writeFile(join(draft, OUTBOUND), bytes)
  const settings = parse(await readFile(join(ROOT, 'wrangler.toml'), 'utf8')) as unknown as Wrangler
  const manifest = {
    sources,
    modules: worker.map(({ name }) => name),
    compatibilityDate: settings.compatibility_date,
    compatibilityFlags: settings.compatibility_flags ?? [],
    crons: settings.triggers.crons,
  }
  await writeFile(join(draft, MANIFEST), JSON.stringify(manifest))
  await rm(FOLDER, { recursive: true, force: true })
  await rename(draft, FOLDER)
  return manifest
}

interface Wrangler {
  readonly compatibility_date: string
  readonly compatibility_flags?: readonly string[]
  readonly triggers: { readonly crons: readonly string[] }
}
