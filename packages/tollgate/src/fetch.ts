import {
  type Client,
  checkRequest,
  type KeyContext,
  type Need,
  type Passage,
  type RequestFacts,
  type WaitUntil,
} from './protect.ts'

export type { KeyContext, Need, Used } from './protect.ts'

export interface FetchNeed extends Need {
  /** The caller's address. By default that of Cloudflare's edge, and none elsewhere: other headers can be forged. */
  readonly ip?: ((request: Request) => string | undefined) | undefined
}

type Handler<Rest extends unknown[]> = (
  request: Request,
  key: KeyContext,
  ...rest: Rest
) => Response | Promise<Response>

/**
 * Lets a handler of web requests run for those who have a valid key. Refusals are problem+json; answers carry the
 * key's `RateLimit` headers. Afterwards it reports status, time and what the handler said was used.
 *
 * @param client or what gives one for the arguments after the request, such as the environment of a Worker
 */
export function requireKey<Rest extends unknown[]>(
  client: Client | ((...rest: Rest) => Client),
  need: FetchNeed,
  handler: Handler<Rest>,
): (request: Request, ...rest: Rest) => Promise<Response> {
  return async function withKey(request, ...rest) {
    const known = typeof client === 'function' ? client(...rest) : client
    const decision = await checkRequest(known, need, readFacts(request, need))
    if (decision.refusal) return new Response(decision.refusal.body, decision.refusal)
    const waitUntil = need.waitUntil ?? findWaitUntil(rest.at(-1))
    return answer(decision.passage, waitUntil, () => handler(request, decision.passage, ...rest))
  }
}

async function answer(
  passage: Passage,
  waitUntil: WaitUntil | undefined,
  work: () => Response | Promise<Response>,
): Promise<Response> {
  let status = 500 // of a handler that throws
  try {
    const response = await work()
    status = response.status
    return addHeaders(response, passage.verdict.headers)
  } finally {
    passage.report(status, waitUntil)
  }
}

/** Of a Worker's context. */
function findWaitUntil(context: unknown): WaitUntil | undefined {
  const { waitUntil } = (context ?? {}) as { waitUntil?: WaitUntil }
  return typeof waitUntil === 'function' ? waitUntil.bind(context) : undefined
}

function readFacts(request: Request, { ip = readEdgeAddress }: FetchNeed): RequestFacts {
  const read = (name: string) => request.headers.get(name) ?? undefined
  return {
    authorization: read('Authorization'),
    apiKey: read('X-API-Key'),
    userAgent: read('User-Agent'),
    method: request.method,
    endpoint: new URL(request.url).pathname,
    ip: ip(request),
    traceparent: read('traceparent'),
  }
}

/** Only Cloudflare's edge overwrites the header; elsewhere a caller could write anything there. */
export function readEdgeAddress({ headers }: Request): string | undefined {
  const { navigator } = globalThis as { navigator?: { userAgent?: string } }
  if (navigator?.userAgent !== 'Cloudflare-Workers') return undefined
  return headers.get('CF-Connecting-IP') ?? undefined
}

/** Headers of an answer from elsewhere cannot be changed: a new one passes its body on, untouched. */
function addHeaders(response: Response, headers: KeyContext['verdict']['headers']): Response {
  try {
    for (const [name, value] of Object.entries(headers)) response.headers.set(name, value)
    return response
  } catch {
    const copy = new Response(response.body, response)
    for (const [name, value] of Object.entries(headers)) copy.headers.set(name, value)
    return copy
  }
}
