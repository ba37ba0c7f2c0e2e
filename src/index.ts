import { handleRequest } from './app.ts'
import { createDeps } from './create-deps.ts'
import type { Env } from './http/env.ts'
import { lazily } from './lib/lazily.ts'

const loadRun = lazily(() => import('./jobs/run.ts'))
const loadConsumer = lazily(() => import('./metering/consume-queue.ts'))

export { Tollgate } from './rpc.ts'

export default {
  fetch: handleRequest,
  /** Awaited: a scheduled handler may run for minutes, work that is only left to `waitUntil` for seconds. */
  scheduled: (event, env, context) => runDue(env, context, event),
  /** Whichever queue has this Worker as its consumer: that of usage, or that of its dead letters. */
  queue: (batch, env, context) => consume(env, context, batch),
} satisfies ExportedHandler<Env>

/** Jobs are imported when one is due, because a verification does not need their modules. */
async function runDue(
  env: Env,
  context: ExecutionContext,
  { cron, scheduledTime }: ScheduledController,
): Promise<void> {
  const { runJobs } = await loadRun()
  const deps = createDeps(env, context)
  deps.budget.lift() // a job has the time that the platform gives it
  await runJobs(deps, cron, scheduledTime)
}

async function consume(env: Env, context: ExecutionContext, { messages }: MessageBatch): Promise<void> {
  const { consumeUsage } = await loadConsumer()
  const deps = createDeps(env, context)
  deps.budget.lift() // a consumer has minutes
  await consumeUsage(deps, messages)
}
