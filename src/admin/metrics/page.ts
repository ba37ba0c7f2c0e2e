import type { Context } from 'hono'
import type { ManagementEnv } from '../../auth/env.ts'
import { requireServiceKey } from '../../auth/service-key.ts'
import { readSchemaVersion } from '../../db/schema-version.ts'
import type { ManagementDeps } from '../../deps.ts'
import { readCredential } from '../../http/credentials.ts'
import { countBacklogs } from '../../jobs/work.ts'
import { isSameSecret } from '../../lib/same-secret.ts'
import { measureQueue } from '../../metering/queue.ts'
import { measureSpool } from '../../metering/spool.ts'
import { flushNow, readCounters } from '../../metrics/flush.ts'
import { CONTENT_TYPE, describeCounters, render } from '../../metrics/render.ts'
import { listJobRuns } from '../system/queries.ts'
import { tryPart } from '../system/read-system.ts'
import { describeGauges, readOverdue } from './gauges.ts'

const SCOPE = 'platform:metrics:read'

/**
 * `GET /metrics`: figures of the whole deployment, whichever isolate responds. Omits figures whose store does not respond.
 *
 * @throws Problem `unauthenticated`, `forbidden`: it accepts METRICS_TOKEN as a bearer token, and service keys
 */
export async function metricsPage(c: Context<ManagementEnv>): Promise<Response> {
  await requireScraper(c)
  return c.body(await readMetrics(c.var.deps), 200, { 'Content-Type': CONTENT_TYPE })
}

async function requireScraper(c: Context<ManagementEnv>): Promise<void> {
  const credential = readCredential(c.req.raw)
  const { METRICS_TOKEN: token } = c.var.deps.config
  if (token !== undefined && credential !== undefined && isSameSecret(credential, token)) return
  await requireServiceKey(c, credential, { scope: SCOPE, place: 'Authorization' })
}

/** @returns Prometheus' text format */
async function readMetrics(deps: ManagementDeps): Promise<string> {
  await flushNow(deps) // otherwise this isolate's own latest counts would be missing
  const at = deps.now()
  const [counters, schema, spool, queue, runs, backlogs, overdue] = await Promise.all([
    tryPart('counters', readCounters(deps)),
    tryPart('schema', readSchemaVersion(deps)),
    tryPart('spool', measureSpool(deps)),
    tryPart('queue', measureQueue(deps)),
    tryPart('job_runs', listJobRuns(deps.db)),
    tryPart('backlogs', countBacklogs(deps, at)),
    tryPart('overdue', readOverdue(deps, at)),
  ])
  const gauges = describeGauges({
    at,
    isSchemaCurrent: schema && schema.isCurrent,
    spool,
    queue,
    runs,
    backlogs,
    overdue,
  })
  return render([...(counters ? describeCounters(counters) : []), ...gauges])
}
