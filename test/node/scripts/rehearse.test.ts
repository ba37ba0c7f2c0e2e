import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { REHEARSALS } from '../../../local/rehearse/rehearsals.ts'
import { commandsOf } from '../../../local/rehearse/world.ts'
import { ROOT, runScript } from './support.ts'

const page = readFileSync(`${ROOT}docs/operate/runbooks.md`, 'utf8')

test('what each runbook says is done to a server with that trouble, and all comes out right', async () => {
  const { code, stdout, stderr } = await runScript('rehearse', {})
  expect(stderr).toBe('')
  expect(stdout.trim().split('\n')).toEqual(Object.keys(REHEARSALS).map((name) => `${name}: came out right`))
  expect(code).toBe(0)
}, 180_000)

test('the page names every rehearsal beside its section, and every section has commands', () => {
  const rows = [...page.matchAll(/^\| .+ \| \[(.+)\]\(#.+\) \| `(.+)` \|$/gm)].map(([, section, name]) => [
    section,
    name,
  ])
  expect(rows.map(([, name]) => name)).toEqual(Object.keys(REHEARSALS))
  for (const [section = ''] of rows) expect(commandsOf(page, section).length).toBeGreaterThan(0)
  expect([...page.matchAll(/^## (.+)$/gm)].map(([, section]) => section)).toEqual(rows.map(([section]) => section))
})

test('a rehearsal that there is not is named with those that there are', async () => {
  const { code, stderr } = await runScript('rehearse lost-postgres', {})
  expect(code).toBe(1)
  expect(stderr).toContain('There is no rehearsal lost-postgres; there are lost-redis')
})
