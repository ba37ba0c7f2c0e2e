import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from './support.ts'

/** Every way to name another file: `import`, `export … from`, `import()`, and imports of types, which lint rules overlook. */
const SPECIFIER = /((?:import|export)\b[^'"]*?\bfrom\s+|\bimport\s*\(\s*|\bimport\s+)'(\.\.?\/[^']+)'/g

interface Import {
  readonly file: string
  readonly target: string
  /** Whether it does not exist at run time. */
  readonly isType: boolean
}

function readImports(top: string): Import[] {
  return globSync(`${top}/**/*.{ts,tsx}`, { cwd: ROOT }).flatMap((file) =>
    [...readFileSync(join(ROOT, file), 'utf8').matchAll(SPECIFIER)].map(([, statement = '', specifier = '']) => ({
      file,
      target: relative(ROOT, join(ROOT, dirname(file), specifier)),
      isType: /^(import|export) type\b/.test(statement),
    })),
  )
}

/** `src/keys/leaks/report.ts` is in the folder `src/keys`. Files at the top put the folders together, so they are in none. */
const selectFolder = (file: string) => (file.split('/').length > 2 ? file.split('/').slice(0, 2).join('/') : undefined)

/** @returns for each folder the folders it imports, with the imports that do it */
function readEdges(top: string): Map<string, Map<string, Import[]>> {
  const edges = new Map<string, Map<string, Import[]>>()
  for (const found of readImports(top)) {
    const [from, to] = [selectFolder(found.file), selectFolder(found.target)]
    if (!from || !to || from === to || !to.startsWith(`${top}/`)) continue
    const targets = edges.get(from) ?? new Map<string, Import[]>()
    targets.set(to, [...(targets.get(to) ?? []), found])
    edges.set(from, targets)
  }
  return edges
}

/** Every folder reachable from `start`, itself only if there is a cycle. */
function reach(edges: Map<string, Map<string, Import[]>>, start: string): Set<string> {
  const seen = new Set<string>()
  const left = [start]
  for (let folder = left.pop(); folder !== undefined; folder = left.pop())
    for (const next of edges.get(folder)?.keys() ?? [])
      if (!seen.has(next)) {
        seen.add(next)
        left.push(next)
      }
  return seen
}

/** @returns the imports that are part of a cycle of folders: remove one of each cycle */
function findCircles(top: string): string[] {
  const edges = readEdges(top)
  return [...edges].flatMap(([from, targets]) =>
    [...targets]
      .filter(([to]) => reach(edges, to).has(from))
      .flatMap(([, imports]) => imports.map(({ file, target }) => `${file} imports ${target}`)),
  )
}

test.each(['src', 'local', 'bench'])('no two folders of %s import each other, directly or through others', (top) => {
  expect(readImports(top).length).toBeGreaterThan(10)
  expect(findCircles(top)).toEqual([])
})

test('ARCHITECTURE.md lists the folders of src from the top down', () => {
  const table = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8').matchAll(/^\| `(src\/[a-z]+)\/` \|/gm)
  const order = [...table].map(([, folder = '']) => folder)
  expect(order.toSorted()).toEqual(globSync('src/*/', { cwd: ROOT }).toSorted())
  const upward = [...readEdges('src')].flatMap(([from, targets]) =>
    [...targets.keys()].filter((to) => order.indexOf(to) < order.indexOf(from)).map((to) => `${from} is below ${to}`),
  )
  expect(upward).toEqual([])
})

test('folders know each other through the types of Deps alone: only entry points create them', () => {
  const imports = readImports('src')
  expect(imports.filter(({ file, isType }) => file === 'src/deps.ts' && !isType)).toEqual([])
  const creators = imports.filter(({ target }) => target === 'src/create-deps.ts').map(({ file }) => file)
  expect(creators.toSorted()).toEqual(['src/http/edge.ts', 'src/index.ts', 'src/rpc.ts'])
})

test('the routes of a feature are known only to the table of contents', () => {
  const others = readImports('src').filter(
    ({ file, target }) => /(^|\/|-)routes\.ts$/.test(target) && file !== 'src/management.ts',
  )
  expect(others.map(({ file, target }) => `${file} imports ${target}`)).toEqual([])
})

/** Decisions that depend only on their arguments. */
const PURE = [
  ...globSync('src/**/*rules.ts', { cwd: ROOT }),
  'src/billing/overage/money.ts',
  'src/billing/plans/prices.ts',
  'src/billing/subscriptions/decide.ts',
  'src/billing/subscriptions/refunds.ts',
  'src/limits/credits/credits.ts',
  'src/limits/key-limits.ts',
  'src/limits/limit-reading.ts',
  'src/billing/subscriptions/read-bought.ts',
  'src/db/overage-terms.ts',
  'src/db/plan-version.ts',
  'src/limits/meters/units.ts',
  'src/limits/meters/quantities.ts',
  'src/limits/quota-reading.ts',
  'src/limits/credits/spend-cap.ts',
  'src/limits/window.ts',
  'src/metering/event.ts',
  'src/metering/functions/sums.ts',
  'src/usage/analytics/buckets.ts',
  'src/usage/analytics/csv.ts',
  'src/usage/analytics/percentile.ts',
  'src/verification/limit-check.ts',
  'src/verification/verdict.ts',
]

/** What a pure file may run: other pure files, helpers without a clock, names and tables. Types are no code. */
const HARMLESS =
  /^src\/(lib\/(?!log|waiting|uuid|pool)|db\/schema\/(shapes|meters|meter-names)\.ts|auth\/roles\.ts|limits\/limit-request\.ts|rpc-types\.ts|usage\/analytics\/span\.ts)/
const EFFECT = /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bcrypto\b|\bfetch\(|\bset(Timeout|Interval)\b|\bawait\b/

test('pure code has no clock, no randomness and no I/O, and calls nothing that has', () => {
  expect(PURE.length).toBeGreaterThan(14)
  const imports = readImports('src').filter(({ file, isType }) => PURE.includes(file) && !isType)
  const impure = imports.filter(({ target }) => !PURE.includes(target) && !HARMLESS.test(target))
  expect(impure.map(({ file, target }) => `${file} imports ${target}`)).toEqual([])
  const code = (file: string) => readFileSync(join(ROOT, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
  expect(PURE.filter((file) => EFFECT.test(code(file)))).toEqual([])
})

test('a test is in the folder of the project whose isolation it needs', () => {
  const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
  const impure = globSync('test/unit/**/*.test.ts', { cwd: ROOT }).filter((file) =>
    /cloudflare:workers|\/support\/(?!jwk|settings|prometheus|sample-prompts)|resetModules/.test(read(file)),
  )
  const alone = globSync('test/{api,isolation}/**/*.test.ts', { cwd: ROOT }).filter((file) =>
    /newIsolate|workerWith|resetModules|useFakeTimers/.test(read(file)),
  )
  expect({ impure, alone }).toEqual({ impure: [], alone: [] })
})
