import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SETTINGS } from '../../../src/config.ts'
import { SIDE_FEATURES } from '../../../src/config-features.ts'
import { ROOT } from './support.ts'

const page = readFileSync(join(ROOT, 'docs/operate/deploy.md'), 'utf8')
const rows = [...page.matchAll(/^\| (.+?) \| (.+?) \|/gm)].map(([, first = '', second = '']) => ({ first, second }))
const quoted = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)

test('the page on deploying has a row for every setting', () => {
  const documented = new Set(rows.flatMap(({ first }) => quoted(first)))
  expect(Object.keys(SETTINGS).filter((name) => !documented.has(name))).toEqual([])
})

test('its table of refused settings has every feature that a setting can stop, and no other', () => {
  const [, table = ''] = /^\| refused \| stopped \|\n\|---\|---\|\n([\s\S]*?)\n\n/m.exec(page) ?? []
  const stopped = table.split('\n').flatMap((row) => quoted(/ \| ((?:`\w+`(?:, )?)+)/.exec(row)?.[1] ?? ''))
  expect([...new Set(stopped)].toSorted()).toEqual([...Object.keys(SIDE_FEATURES), 'management'].toSorted())
})

test('every page that the example environment names exists', () => {
  const example = readFileSync(join(ROOT, '.dev.vars.example'), 'utf8')
  const named = [...example.matchAll(/docs\/[\w/-]+\.md/g)].map(([file]) => file)
  expect(named.length).toBeGreaterThan(5)
  for (const file of named) expect(readFileSync(join(ROOT, file), 'utf8'), file).toMatch(/^# /)
})
