/** How a job is doing, from its last run. Pure. */

export type JobState = 'never_run' | 'running' | 'ok' | 'failed' | 'late'

interface LastRun {
  readonly startedAt: Date
  /** Null while it runs, and for good if it died. */
  readonly endedAt: Date | null
  readonly succeededAt: Date | null
  readonly error: string | null
}

/** A job that has not succeeded for this many of its periods is late. A single missed run corrects itself. */
const LATE_ROUNDS = 3

/**
 * @param now Unix milliseconds
 * @returns `late` before `failed`: a persistent failure is worse than a new one
 */
export function judgeJob(run: LastRun | undefined, periodSeconds: number, now: number): JobState {
  if (!run) return 'never_run'
  const since = (run.succeededAt ?? run.startedAt).getTime()
  if (now - since > LATE_ROUNDS * periodSeconds * 1_000) return 'late'
  if (run.endedAt === null) return 'running'
  return run.error === null ? 'ok' : 'failed'
}
