import {
  type Client,
  checkRequest,
  type KeyContext,
  keepAlive,
  type Need,
  type Passage,
  type Refusal,
  type WaitUntil,
} from './protect.ts'

export type { KeyContext, Need, Used } from './protect.ts'

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** The part of Express's request, and of Node's, that is read here. */
interface IncomingRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: Headers
  readonly originalUrl?: string | undefined
  readonly baseUrl?: string | undefined
  readonly route?: unknown
  readonly ip?: string | undefined
  readonly socket: { readonly remoteAddress?: string | undefined }
}

interface OutgoingResponse {
  statusCode: number
  setHeader(name: string, value: string): unknown
  end(body: string): unknown
  readonly destroyed?: boolean | undefined
  readonly writableFinished?: boolean | undefined
  once(event: 'close', listener: () => void): unknown
}

/** What a request has after it. `getKeyContext(req)` reads it. */
export interface KeyRequest {
  tollgate: KeyContext
}

/** @throws TypeError for a request that `requireKey` has not let through */
export function getKeyContext(request: object): KeyContext {
  if (!('tollgate' in request)) throw new TypeError('No requireKey of tollgate/express comes before this handler.')
  return (request as KeyRequest).tollgate
}

export interface ExpressNeed extends Need {
  /** The caller's address: by default `req.ip`, which follows Express's `trust proxy`. */
  readonly ip?: ((request: IncomingRequest) => string | undefined) | undefined
}

/**
 * Lets requests with a valid key through and answers all others with problem+json. Answers carry the key's `RateLimit`
 * headers. Once the answer has left, it reports status, time and what the handler said was used by `getKeyContext(req).use`. The
 * status is 499 if the caller left first; what the handler uses then still counts.
 *
 * A wrong service key goes to `next` as the `cause` of an error without a status: Express would answer with the status of
 * Tollgate's error, as if the caller were at fault.
 */
export function requireKey(client: Client, need: ExpressNeed = {}) {
  return async function requireKey(
    request: IncomingRequest,
    response: OutgoingResponse,
    next: (error?: unknown) => void,
  ): Promise<void> {
    const closed = awaitClose(response) // before the verification: the caller may leave during it
    try {
      const decision = await checkRequest(client, need, readFacts(request, need))
      if (decision.refusal) return send(response, decision.refusal)
      const { passage } = decision
      setHeaders(response, passage.verdict.headers)
      keepAlive(reportAfter(closed, passage, response, need.waitUntil), need.waitUntil)
      Object.assign(request, { tollgate: passage } satisfies KeyRequest)
    } catch (cause) {
      return next(new Error('Tollgate cannot be asked about this request.', { cause }))
    }
    next()
  }
}

/** The platform is told before the answer, since it may take no more work after it. */
async function reportAfter(
  closed: Promise<void>,
  passage: Passage,
  response: OutgoingResponse,
  waitUntil: WaitUntil | undefined,
): Promise<void> {
  await closed
  const reports: Promise<unknown>[] = []
  const keep = (work: Promise<unknown>) => {
    reports.push(work)
    waitUntil?.(work)
  }
  passage.report(readStatus(response), waitUntil && keep)
  await Promise.all(reports)
}

const awaitClose = (response: OutgoingResponse) =>
  new Promise<void>((resolve) => (response.destroyed ? resolve() : response.once('close', () => resolve())))

/** Of a caller who left before the answer was sent, as nginx and the gateway name it. */
const CALLER_GONE = 499

const readStatus = ({ statusCode, writableFinished }: OutgoingResponse) =>
  writableFinished === false ? CALLER_GONE : statusCode

function send(response: OutgoingResponse, refusal: Refusal): void {
  response.statusCode = refusal.status
  setHeaders(response, refusal.headers)
  response.end(refusal.body)
}

function setHeaders(response: OutgoingResponse, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
}

function readFacts(request: IncomingRequest, { ip = readAddress }: ExpressNeed) {
  const read = (name: string) => [request.headers[name]].flat()[0]
  return {
    authorization: read('authorization'),
    apiKey: read('x-api-key'),
    userAgent: read('user-agent'),
    method: request.method ?? 'GET',
    endpoint: readEndpoint(request),
    ip: ip(request),
    traceparent: read('traceparent'),
  }
}

const readAddress = ({ ip, socket }: IncomingRequest) => ip ?? socket.remoteAddress

/** The pattern of the route where there is one already, else the path. */
function readEndpoint({ baseUrl = '', route, originalUrl, url = '/' }: IncomingRequest): string {
  const { path } = (route ?? {}) as { path?: unknown }
  return typeof path === 'string' ? `${baseUrl}${path}` : ((originalUrl ?? url).split('?')[0] ?? '/')
}
