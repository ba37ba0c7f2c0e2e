import { expect, test } from 'vitest'
import { judgeJob } from '../../../src/jobs/rules.ts'

const NOW = Date.UTC(2026, 10, 28)
const at = (secondsAgo: number) => new Date(NOW - secondsAgo * 1_000)
const run = { startedAt: at(30), endedAt: at(29), succeededAt: at(30), error: null }

test('a job is late once it has not succeeded for more than three intervals, whether it fails, died or never began', () => {
  const judge = (of: Partial<typeof run> & { error?: string | null; endedAt?: Date | null }, period = 60) =>
    judgeJob({ ...run, ...of }, period, NOW)
  expect(judge({})).toBe('ok')
  expect([179, 180, 181].map((seconds) => judge({ startedAt: at(seconds), succeededAt: at(seconds) }))).toEqual([
    'ok',
    'ok',
    'late',
  ])
  expect(judge({ succeededAt: at(181), error: 'No answer.' } as never)).toBe('late')
  expect(judge({ succeededAt: at(90), error: 'No answer.' } as never)).toBe('failed')
  expect(judge({ succeededAt: at(90), endedAt: null } as never)).toBe('running')
  expect(judge({ succeededAt: at(181), endedAt: null } as never)).toBe('late')
  expect(judge({ succeededAt: at(181) }, 3_600)).toBe('ok')
})

test('a job without a success is late once its first run is old, and one without a run has never run', () => {
  const failed = { ...run, succeededAt: null, error: 'No answer.' }
  expect(judgeJob(failed, 60, NOW)).toBe('failed')
  expect(judgeJob({ ...failed, startedAt: at(181) }, 60, NOW)).toBe('late')
  expect(judgeJob(undefined, 60, NOW)).toBe('never_run')
})
