/** A Worker that runs a job on request: each request is an invocation with its own connections, like a cron's. */
import { createDeps } from '../../src/create-deps.ts'
import { JOBS } from '../../src/jobs/registry.ts'

export default {
  async fetch(request: Request, env: object, context: { waitUntil(work: Promise<unknown>): void }) {
    const name = new URL(request.url).pathname.slice(1)
    const job = JOBS.find((one) => one.name === name)
    if (!job) return new Response(null, { status: 404 })
    const deps = createDeps(env, context)
    deps.budget.lift()
    return Response.json(await job.run(deps, Date.now()))
  },
}
