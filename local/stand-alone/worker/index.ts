/**
 * The Worker without Cloudflare: workerd calls this, and this calls the Worker as Cloudflare would. It passes the client's
 * address, the files of the build and the crons to it, and it knows when all work is done.
 */

import type { Env } from '../../../src/http/env.ts'
import worker from '../../../src/index.ts'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { Problem, problemBody } from '../../../src/problems.ts'
import { findClientAddress, type Trust } from './client-address.ts'
import { isForFile, serveFile } from './files.ts'
import { finishWork } from './stop.ts'
import { counted, countIn } from './work.ts'

interface Bindings {
  /** The folder of the build. */
  readonly FILES: Fetcher
  /** A Trust as JSON. */
  readonly CLIENT_ADDRESS: string
  /** The Worker's settings as JSON. */
  readonly SETTINGS: string
}

/** One object for all requests: values derived from it are cached by its identity. */
let own: { readonly env: Env; readonly trust: Trust } | undefined
let isStopping = false

function read({ FILES, CLIENT_ADDRESS, SETTINGS }: Bindings) {
  own ??= {
    env: { ...JSON.parse(SETTINGS), ASSETS: { fetch: (request: Request) => serveFile(FILES, request) } },
    trust: JSON.parse(CLIENT_ADDRESS),
  }
  return own
}

export default {
  async fetch(request, bindings, context) {
    if (isStopping) return refuse()
    if (isForFile(request)) return serveFile(bindings.FILES, request)
    const { env, trust } = read(bindings)
    const answer = Promise.resolve(worker.fetch(withAddress(request, trust), env, countIn(context)))
    context.waitUntil(counted(answer)) // also if the client disconnects
    return answer
  },
} satisfies ExportedHandler<Bindings>

/** A caller that retries reaches another process, or this one's successor. Nothing was done. */
function refuse(): Response {
  const body = problemBody(
    new Problem('unavailable', { detail: 'The server is stopping.' }),
    undefined,
    uuidv7(Date.now()),
  )
  const headers = { 'Content-Type': 'application/problem+json', 'Retry-After': '1', Connection: 'close' }
  return Response.json(body, { status: body.status, headers })
}

/** Replaces the header that only the edge may write, whatever it contained. */
function withAddress(request: Request, trust: Trust): Request {
  const own = new Request(request)
  const { clientIp = '' } = (request.cf ?? {}) as { readonly clientIp?: string } // workerd's own field; Cloudflare has none
  const address = findClientAddress(clientIp, own.headers.get(trust.header), trust)
  if (address) own.headers.set('CF-Connecting-IP', address)
  else own.headers.delete('CF-Connecting-IP')
  return own
}

/** Commands from the parent process, over a socket that nobody else can reach. */
export const Control = {
  async fetch(request, bindings, context) {
    const { pathname, searchParams } = new URL(request.url)
    const { env } = read(bindings)
    if (pathname === '/stop') {
      isStopping = true
      return finishWork(env, context, Number(searchParams.get('within_ms')))
    }
    await runCron(searchParams.get('cron') ?? '', env, context)
    return new Response()
  },
} satisfies ExportedHandler<Bindings>

/** Runs the jobs of a cron to their end. */
async function runCron(cron: string, env: Env, context: ExecutionContext): Promise<void> {
  const work: Promise<void>[] = []
  const counting = {
    ...countIn(context),
    waitUntil: (one: Promise<unknown>) => void work.push(counted(one)),
  } as ExecutionContext
  await worker.scheduled({ cron, scheduledTime: Date.now(), noRetry() {} }, env, counting)
  for (let at = 0; at < work.length; at++) await work[at]
}
