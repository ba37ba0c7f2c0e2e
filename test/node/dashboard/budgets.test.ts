import { globSync, statSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { buildDashboard } from '../../../local/build/dashboard.ts'
import { ROOT } from '../scripts/support.ts'

const KB = 1_024
/** The compressed size of the scripts that a browser loads until a page is there. */
const SIGN_IN_KB = 90
const SCREEN_KB = 200

interface Chunk {
  readonly file: string
  readonly imports?: readonly string[]
  readonly isDynamicEntry?: boolean
}

let folder: string
let manifest: Readonly<Record<string, Chunk>>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-dashboard-'))
  vi.stubEnv('NODE_ENV', 'production') // as for a deployment: vitest's own value would include React's long messages
  await buildDashboard(folder)
  vi.unstubAllEnvs()
  manifest = JSON.parse(await readFile(join(folder, '.vite/manifest.json'), 'utf8'))
}, 120_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

/** The files that modules load before they run: their own and those of all their imports. */
function filesFor(modules: readonly string[], found = new Set<string>()): Set<string> {
  for (const name of modules) {
    const chunk = manifest[name]
    if (!chunk) throw new Error(`The build has no ${name}.`)
    if (found.has(chunk.file)) continue
    found.add(chunk.file)
    filesFor(chunk.imports ?? [], found)
  }
  return found
}

async function kilobytes(...modules: string[]): Promise<number> {
  const scripts = [...filesFor(modules)].filter((file) => file.endsWith('.js'))
  const sizes = await Promise.all(scripts.map(async (file) => gzipSync(await readFile(join(folder, file))).length))
  return sizes.reduce((sum, size) => sum + size, 0) / KB
}

test('signing in loads little script', async () => {
  const size = await kilobytes('index.html', 'src/account/start.tsx')
  expect(size).toBeGreaterThan(20)
  expect(size).toBeLessThanOrEqual(SIGN_IN_KB)
})

test('so does every screen, with the frame around it', async () => {
  const screens = Object.keys(manifest).filter(
    (name) => /^src\/screens\/.*\.tsx$/.test(name) && manifest[name]?.isDynamicEntry,
  )
  expect(screens.length).toBeGreaterThan(10)
  const sizes = await Promise.all(
    screens.map(async (name) => [name, Math.ceil(await kilobytes('index.html', 'src/start.tsx', name))] as const),
  )
  expect(sizes.filter(([, size]) => size > SCREEN_KB)).toEqual([])
})

test('the pictures of the documentation are small', () => {
  const pictures = globSync('docs/pictures/*.png', { cwd: ROOT })
  expect(pictures.length).toBeGreaterThan(0)
  expect(pictures.filter((file) => statSync(join(ROOT, file)).size > 120 * KB)).toEqual([])
})
