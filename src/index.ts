import { app } from './app.ts'
import { createDeps } from './deps.ts'
import type { Env } from './http/env.ts'
import { runJobs } from './jobs/run.ts'

export { Tollgate } from './rpc.ts'

export default {
  fetch: app.fetch,
  scheduled(event, env, context) {
    context.waitUntil(runJobs(createDeps(env, context), event.cron, event.scheduledTime))
  },
} satisfies ExportedHandler<Env>
