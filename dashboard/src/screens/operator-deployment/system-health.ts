import type { System, SystemJob } from '../../api/types.ts'
import { formatCount } from '../../lib/format.ts'

/** The look of a state. */
type Kind = 'good' | 'warn' | 'bad' | 'waiting'

export const JOB_STATES: Readonly<Record<NonNullable<SystemJob['state']>, readonly [Kind, string]>> = {
  never_run: ['waiting', 'Never run'],
  running: ['good', 'Running'],
  ok: ['good', 'OK'],
  failed: ['bad', 'Failed'],
  late: ['bad', 'Late'],
}

/** Whether more waits for a job than one run takes. */
export const isBehind = ({ backlog, ceiling }: SystemJob): boolean =>
  backlog.count !== null && ceiling.amount !== null && backlog.count > ceiling.amount

const isFaulty = ({ state }: SystemJob) => state === 'failed' || state === 'late'

/**
 * Something that has failed or does not respond is a fault. A job that is behind is a warning, and so is a schedule by which no job
 * has ever run: on a new deployment, some jobs run for the first time hours later than others.
 */
export function judgeSystem({ jobs, settings, schema, spool }: System): readonly [Kind, string] {
  const faults =
    jobs.filter(isFaulty).length +
    settings.filter(({ fault }) => fault !== null).length +
    (schema?.is_current ? 0 : 1) +
    (spool === null ? 1 : 0)
  if (faults > 0) return ['bad', formatCount(faults, 'fault')]
  const isIdle = jobs.every(({ state }) => state === 'never_run')
  const warnings = jobs.filter(isBehind).length + (isIdle ? 1 : 0)
  return warnings > 0 ? ['warn', formatCount(warnings, 'warning')] : ['good', 'Healthy']
}
