import { expect, test } from 'vitest'
import type { System, SystemJob } from '../../../dashboard/src/api/types.ts'
import { isBehind, judgeSystem } from '../../../dashboard/src/screens/operator-deployment/system-health.ts'

const JOB: SystemJob = {
  name: 'a-job',
  cron: '* * * * *',
  state: 'ok',
  last_run_at: null,
  last_ended_at: null,
  last_success_at: null,
  duration_ms: null,
  result: null,
  error: null,
  backlog: { of: 'emails', count: 10 },
  ceiling: { amount: 10, seconds: null },
}
const SYSTEM = {
  version: '1',
  schema: { known: 'a', found: 'a', is_current: true },
  price_list: { source: 'x', checked_at: '2026-01-01' },
  spool: { batches: 0, aside: 0 },
  jobs: [JOB],
  settings: [],
} as unknown as System

test.each<[string, Partial<System>, string]>([
  ['everything runs', {}, 'Healthy'],
  ['a job is late', { jobs: [{ ...JOB, state: 'late' }] }, '1 fault'],
  ['a job has failed', { jobs: [{ ...JOB, state: 'failed' }] }, '1 fault'],
  ['Redis does not respond', { spool: null }, '1 fault'],
  ['the database does not respond', { schema: null, jobs: [{ ...JOB, state: null }] }, '1 fault'],
  ['no job has ever run', { jobs: [{ ...JOB, state: 'never_run' }] }, '1 warning'],
  ['one job has not run yet', { jobs: [JOB, { ...JOB, state: 'never_run' }] }, 'Healthy'],
  ['more waits than one run takes', { jobs: [{ ...JOB, backlog: { of: 'emails', count: 11 } }] }, '1 warning'],
])('where %s, the system is called so', (_, change, name) => {
  expect(judgeSystem({ ...SYSTEM, ...change })[1]).toBe(name)
})

test('a job is behind only above its ceiling, and never without one', () => {
  expect(isBehind(JOB)).toBe(false)
  expect(isBehind({ ...JOB, ceiling: { amount: 9, seconds: null } })).toBe(true)
  expect(isBehind({ ...JOB, ceiling: { amount: null, seconds: 20 } })).toBe(false)
})
