/** Meters the official libraries of providers where all their calls pass: at their `fetch`. */
import { QuotaExceededError, TollgateError } from './errors.ts'
import { type EventData, eventReader, parseObject } from './event-stream.ts'
import { beginCall, type MeterClient, type MeteredCall, type MeterOptions, watchStream } from './meter.ts'
import { readText } from './model-text.ts'
import { toTollgateError } from './perform.ts'

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/** One operation of a provider that uses tokens. */
export interface ModelApi {
  /** The end of its path. */
  readonly path: string
  /** Of each answer. */
  readonly maxOutputTokens: (body: EventData) => number | undefined
  readonly countAnswers?: (body: EventData) => number
  /** What to send instead, to learn the usage of a stream; undefined if nothing needs to change. */
  readonly askForUsage?: (body: EventData) => EventData | undefined
  /** What the caller sees of an event that came because of that. */
  readonly hideUsage?: (event: EventData) => EventData | undefined
  readonly readAnswer: (answer: EventData, call: MeteredCall) => void
  readonly readEvent: (event: EventData, call: MeteredCall) => void
}

/** The client of a provider, made by Stainless: it takes a `fetch`, and makes its errors in one place. */
interface ProviderClient {
  withOptions(options: { readonly fetch: Fetch }): unknown
}

interface Insides {
  readonly fetch?: Fetch
  withOptions(options: object): Insides
  makeStatusError?(status: number, error: object, message: string | undefined, headers: Headers): Error
}

export interface Provider {
  readonly name: string
  readonly apis: readonly ModelApi[]
}

/** @returns a client like the given one, whose calls are metered. The given one stays as it is */
export function meterClient<Client extends ProviderClient>(
  client: Client,
  tollgate: MeterClient,
  options: MeterOptions,
  provider: Provider,
): Client {
  const inner = (client as unknown as Insides).fetch
  const errors = new WeakMap<Headers, Error>()
  const fetch = meteredFetch((input, init) => (inner ?? globalThis.fetch)(input, init), {
    tollgate,
    options,
    provider,
    errors,
  })
  return throwOwnErrors(client.withOptions({ fetch }) as Insides, errors) as unknown as Client
}

/** Refusals reach the caller as the errors that they are, and not as the provider's. Copies of the client do the same. */
function throwOwnErrors(client: Insides, errors: WeakMap<Headers, Error>): Insides {
  const { makeStatusError, withOptions } = client
  client.withOptions = (options) => throwOwnErrors(withOptions.call(client, options), errors)
  client.makeStatusError = (status, error, message, headers) =>
    errors.get(headers) ??
    (makeStatusError as NonNullable<typeof makeStatusError>).call(client, status, error, message, headers)
  return client
}

interface Metering {
  readonly tollgate: MeterClient
  readonly options: MeterOptions
  readonly provider: Provider
  readonly errors: WeakMap<Headers, Error>
}

function meteredFetch(fetch: Fetch, { tollgate, options, provider, errors }: Metering): Fetch {
  return async function meteredFetch(input, init) {
    const { method, url } = describeRequest(input, init)
    const api = method === 'POST' ? provider.apis.find(({ path }) => url.pathname.endsWith(path)) : undefined
    const body = api && parseObject(await readBody(input, init))
    if (!api || !body) return fetch(input, init)
    try {
      const call = await beginCall(tollgate, options, planCall(provider, api, body, init?.signal ?? undefined))
      return await send({ fetch, input, init, api, body, call })
    } catch (error) {
      if (!(error instanceof TollgateError)) throw error
      return refuse(error, errors)
    }
  }
}

const planCall = (provider: Provider, api: ModelApi, body: EventData, signal: AbortSignal | undefined) => ({
  provider: provider.name,
  model: (typeof body.model === 'string' && body.model) || undefined, // a stored prompt may name it
  prompt: readText(body),
  maxOutputTokens: api.maxOutputTokens(body),
  answers: api.countAnswers?.(body),
  signal,
})

function describeRequest(input: string | URL | Request, init: RequestInit | undefined) {
  const isRequest = input instanceof Request
  const method = init?.method ?? (isRequest ? input.method : 'GET')
  return { method: method.toUpperCase(), url: new URL(isRequest ? input.url : input) }
}

const readBody = (input: string | URL | Request, init: RequestInit | undefined): Promise<string> =>
  init?.body == null && input instanceof Request ? input.clone().text() : new Response(init?.body ?? null).text()

interface Sending {
  readonly fetch: Fetch
  readonly input: string | URL | Request
  readonly init: RequestInit | undefined
  readonly api: ModelApi
  readonly body: EventData
  readonly call: MeteredCall
}

/** An answer that is no success used nothing; of a success that breaks off, the prompt counts. */
async function send({ fetch, input, init, api, body, call }: Sending): Promise<Response> {
  const changed = api.askForUsage?.(body)
  try {
    const response = await fetch(input, changed ? { ...init, ...withBody(init, changed) } : init)
    if (response.ok) call.begin()
    if (response.ok && response.body && isEventStream(response))
      return watchEvents(response, response.body, api, { call, isHidden: changed !== undefined })
    if (response.ok) return await readWhole(response, api, call)
    await call.finish()
    return response
  } catch (error) {
    await call.finish()
    throw error
  }
}

function withBody(init: RequestInit | undefined, body: EventData): RequestInit {
  const headers = new Headers(init?.headers)
  headers.delete('Content-Length')
  return { body: JSON.stringify(body), headers }
}

const isEventStream = ({ headers }: Response) => headers.get('Content-Type')?.startsWith('text/event-stream') ?? false

async function readWhole(response: Response, api: ModelApi, call: MeteredCall): Promise<Response> {
  const text = await response.text()
  const answer = parseObject(text)
  if (answer) api.readAnswer(answer, call)
  await call.finish()
  return new Response(text, response)
}

interface Watch {
  readonly call: MeteredCall
  readonly isHidden: boolean
}

function watchEvents(
  response: Response,
  body: ReadableStream<Uint8Array>,
  api: ModelApi,
  { call, isHidden }: Watch,
): Response {
  const read = eventReader((event) => {
    api.readEvent(event, call)
    return isHidden && api.hideUsage ? api.hideUsage(event) : event
  })
  return new Response(watchStream(body, call, read) as ReadableStream<Uint8Array<ArrayBuffer>>, response)
}

/** The libraries repeat a `fetch` that throws, so it answers. They find the error itself by the answer's headers. */
function refuse(error: TollgateError, errors: WeakMap<Headers, Error>): Response {
  if (error.code === 'aborted') throw toTollgateError(error)
  const { status, headers, body } = error instanceof QuotaExceededError ? error : describeFailure(error)
  const response = new Response(body, { status, headers: { ...headers, 'X-Should-Retry': 'false' } })
  errors.set(response.headers, error)
  return response
}

const describeFailure = ({ status, message, code }: TollgateError) => ({
  status: status >= 400 ? status : 503,
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ error: { message, type: 'tollgate', code } }),
})
