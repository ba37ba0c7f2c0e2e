/** A version of the Worker as rehearsals deploy it: with its crons, which workerd does not run by itself. */
import type { Env } from '../../../src/http/env.ts'
import worker from '../../../src/index.ts'

/** The path that wrangler's server uses for crons. */
const SCHEDULED = '/cdn-cgi/local/scheduled'

export default {
  async fetch(request, env, context) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname !== SCHEDULED) return worker.fetch(request, env, context)
    const [cron, time] = [searchParams.get('cron') ?? '', searchParams.get('time')]
    await worker.scheduled({ cron, scheduledTime: Number(time), noRetry() {} }, env, context)
    return new Response()
  },
} satisfies ExportedHandler<Env>
