import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from './support.ts'

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')

/** An event as found in the code, in all places that log it. */
interface Logged {
  readonly levels: Set<string>
  readonly fields: Set<string>
  isRepeated: boolean
}

const TOKEN = /'[^']*'|`[^`]*`|"[^"]*"|[\s\S]/g

/** Cuts at commas outside of brackets and quotes, up to the bracket that closes what is open at `start`. */
function readArguments(code: string, start: number): string[] {
  const parts: string[] = ['']
  let depth = 1
  for (const [token] of code.slice(start, start + 2_000).matchAll(TOKEN)) {
    if ('([{'.includes(token)) depth += 1
    if (')]}'.includes(token)) depth -= 1
    if (depth === 0) break
    if (token === ',' && depth === 1) parts.push('')
    else parts.push((parts.pop() ?? '') + token)
  }
  return parts.map((part) => part.trim()).filter(Boolean)
}

const literals = (code: string) => [...code.matchAll(/'([a-z_]+)'/g)].map(([, text = '']) => text)

/** The names in an object literal; `error` for the parts of an error. Other spreads are ignored. */
function readFields(code: string): string[] {
  if (code.startsWith('errorFields(')) return ['error']
  if (!code.startsWith('{')) return []
  return readArguments(`${code.slice(1, -1)})`, 0).flatMap((part) => {
    if (part.startsWith('...errorFields(')) return ['error']
    if (part.startsWith('...')) return []
    return /^(\w+)/.exec(part)?.[1] ?? []
  })
}

function readCode(files: readonly string[]): Map<string, Logged> {
  const events = new Map<string, Logged>()
  for (const file of globSync(files, { cwd: ROOT }).filter((one) => !one.endsWith('lib/log.ts'))) {
    const code = read(file).replaceAll(/^\s*\/\/.*$|\s\/\/ .*$/gm, '')
    for (const call of code.matchAll(/(?<![\w.])(log|logRepeated)\(/g)) {
      const [level = '', event = '', fields = ''] = readArguments(code, call.index + call[0].length)
      const levels = literals(level)
      const names = event === 'failure' ? listFailures() : literals(event)
      expect([file, levels.length > 0, names.length > 0]).toEqual([file, true, true])
      names.forEach((name, at) => {
        const known = events.get(name) ?? { levels: new Set(), fields: new Set(), isRepeated: false }
        known.levels.add(levels.length === names.length ? (levels[at] ?? '') : (levels[0] ?? ''))
        for (const field of readFields(fields)) if (field !== 'trace_id') known.fields.add(field)
        known.isRepeated ||= call[1] === 'logRepeated'
        events.set(name, known)
      })
    }
  }
  return events
}

/** The events that row caches log under a name of their own. */
const listFailures = () =>
  globSync('src/**/*.ts', { cwd: ROOT }).flatMap((file) =>
    [...read(file).matchAll(/^ {2}failure: '([a-z_]+)'/gm)].map(([, name = '']) => name),
  )

const ROW = /^\| `([a-z_]+)` \| ([a-z, ]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm

const [ofWorker = '', ofStart = ''] = read('docs/operate/logs.md').split('\n## Of npm start\n')

test.each([
  { who: 'the Worker', page: ofWorker, files: ['src/**/*.{ts,tsx}'], atLeast: 80 },
  { who: 'npm start', page: ofStart, files: ['local/start.ts', 'local/stand-alone/**/*.ts'], atLeast: 12 },
])(
  'docs/operate/logs.md lists the levels and fields of every event of $who, and no other',
  ({ page, files, atLeast }) => {
    const documented = [...page.matchAll(ROW)].map(([, event, levels = '', fields = '', meaning = '']) => ({
      event,
      levels: levels.split(', ').toSorted(),
      fields: [...fields.matchAll(/`(\w+)`/g)].map(([, name = '']) => name).toSorted(),
      isRepeated: meaning.endsWith(' Repeated'),
    }))
    const logged = [...readCode(files)]
      .map(([event, { levels, fields, isRepeated }]) => ({
        event,
        levels: [...levels].toSorted(),
        fields: [...fields].toSorted(),
        isRepeated,
      }))
      .toSorted((a, b) => (a.event < b.event ? -1 : 1))
    expect(logged.length).toBeGreaterThanOrEqual(atLeast)
    expect(documented).toEqual(logged)
  },
)

test('every event has its meaning and what to do', () => {
  for (const [, event, , , meaning = '', action = ''] of read('docs/operate/logs.md').matchAll(ROW))
    expect([event, meaning.length > 15, action.length > 5]).toEqual([event, true, true])
})
