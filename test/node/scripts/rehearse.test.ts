import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { REHEARSALS } from '../../../local/rehearse/rehearsals.ts'
import { commandsOf } from '../../../local/rehearse/world.ts'
import { ROOT, runScript } from './support.ts'

const page = readFileSync(`${ROOT}docs/operate/runbooks.md`, 'utf8')

test('the steps of each runbook are run against a server with that trouble, and all succeed', async () => {
  const { code, stdout, stderr } = await runScript('rehearse --rows 60', {})
  expect(stderr).toBe('')
  const names = stdout.split('\n').flatMap((line) => /^(\S+): came out right$/.exec(line)?.[1] ?? [])
  expect(names).toEqual(Object.keys(REHEARSALS))
  expect(stdout).toMatch(/^month-end: 60 rows in \d+ runs of the job/m)
  expect(code).toBe(0)
}, 600_000)

test('the page names every rehearsal beside its section, and every section has commands', () => {
  const rows = [...page.matchAll(/^\| .+ \| \[(.+)\]\(#.+\) \| `(.+)` \|$/gm)].map(([, section, name]) => [
    section,
    name,
  ])
  expect(rows.map(([, name]) => name)).toEqual(Object.keys(REHEARSALS))
  for (const [section = ''] of rows) expect(commandsOf(page, section).length).toBeGreaterThan(0)
  expect([...page.matchAll(/^## (.+)$/gm)].map(([, section]) => section)).toEqual(rows.map(([section]) => section))
})

test('an unknown rehearsal is refused with the known ones', async () => {
  const { code, stderr } = await runScript('rehearse lost-postgres', {})
  expect(code).toBe(1)
  expect(stderr).toContain('There is no rehearsal lost-postgres; there are restored-postgres, lost-redis')
})

test.each([
  ['', 'is not a moment of the past'],
  ['--moment yesterday', '--moment=yesterday is not a moment of the past, such as 2026-11-28T10:00:00Z.'],
  ['--moment 2999-01-01T00:00:00Z', 'is not a moment of the past'],
  [
    '--moment 2026-01-01T00:00:00Z --without usge',
    'There is no part usge; there are new, access, removed, usage, billing, sent, audit.',
  ],
  ['--moment 2026-01-01T00:00:00Z', 'FORMER_DATABASE_URL is not set.'],
])('after-restore %s is refused', async (options, message) => {
  const { code, stderr } = await runScript(`after-restore ${options}`.trim(), { DATABASE_URL: 'postgresql://a@b/c' })
  expect([code, stderr]).toEqual([1, expect.stringContaining(message)])
})

test('a database is not carried over into itself', async () => {
  const DATABASE_URL = 'postgresql://a@b/c'
  const line = 'after-restore --moment 2026-01-01T00:00:00Z'
  const { stderr } = await runScript(line, { DATABASE_URL, FORMER_DATABASE_URL: DATABASE_URL })
  expect(stderr).toBe('DATABASE_URL and FORMER_DATABASE_URL name the same database.\n')
})
