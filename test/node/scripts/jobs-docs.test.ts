import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SEEDS } from '../../../bench/jobs/seeds.ts'
import { JOBS } from '../../../src/jobs/registry.ts'
import { WORK } from '../../../src/jobs/work.ts'
import { ROOT } from './support.ts'

const page = readFileSync(join(ROOT, 'docs/operate/scale.md'), 'utf8')
const [, section = ''] = page.split('\n## Jobs\n')
const rows = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| `([a-z-]+)` \| (.+) \| (.+) \| (.+) \|$/gm)].map(
  ([, job = '', of = '', aMinute = '', bound = '']) => ({ job, of, aMinute, bound }),
)
const read = (figure: string) => Number(figure.replaceAll(',', ''))

test('the page on scale lists for each job, in order, how much it does and what bounds it', () => {
  expect(rows.map(({ job }) => job)).toEqual(JOBS.map(({ name }) => name))
  for (const { job, bound } of rows) expect([job, bound.length > 15]).toEqual([job, true])
})

test('jobs that the benchmark measures have a figure, and the others are bounded by other jobs or by one statement', () => {
  const measured = new Set([...Object.keys(SEEDS), 'deliver-webhooks', 'deliver-slow-webhooks', 'send-metered-usage'])
  for (const { job, aMinute } of rows) expect([job, read(aMinute) > 0]).toEqual([job, measured.has(job)])
})

test('the maximum of a run is that of the code', () => {
  for (const { job, bound } of rows) {
    const { amount, ms } = WORK[job] ?? {}
    if (amount !== undefined) expect(bound, job).toContain(`${amount.toLocaleString('en-US')} `)
    if (ms !== undefined) expect(bound, job).toContain(`${ms / 1_000} s`)
  }
})
