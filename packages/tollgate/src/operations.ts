import type { Operations } from './types.ts'

/** Every operation of the API, such as `GET /quotas`. */
export type OperationName = keyof Operations
export type Answer<Name extends OperationName> = Operations[Name]['answer']

export interface CallOptions {
  /** Ends the call at once. */
  readonly signal?: AbortSignal | undefined
  /** Bounds this call with all its retries. */
  readonly timeoutMs?: number | undefined
  /** Lets the server repeat its first answer. The client makes one where an operation takes it. */
  readonly idempotencyKey?: string | undefined
  /** The trace that the call belongs to (W3C Trace Context), over HTTP. What has another form is not sent. */
  readonly traceparent?: string | undefined
}

/** Path parameters, query and body of an operation, as its types require. */
export type Input<Name extends OperationName> = Omit<Operations[Name], 'answer'>
/** The input may be left out where nothing in it is required. */
export type InputArguments<Name extends OperationName> =
  object extends Input<Name> ? [input?: Input<Name> & CallOptions] : [input: Input<Name> & CallOptions]

/** A call on its way, without its types. */
export interface Call {
  readonly name: OperationName
  readonly params?: Readonly<Record<string, string>> | undefined
  readonly query?: Readonly<Record<string, unknown>> | undefined
  readonly body?: unknown
  readonly idempotencyKey?: string | undefined
  readonly traceparent?: string | undefined
}

export interface Reply {
  /** Undefined over a service binding, which has none. */
  readonly status?: number
  readonly body: unknown
  /** Only those that a verdict is passed on with. */
  readonly headers: Readonly<Record<string, string>>
}

/** How calls reach Tollgate. */
export interface Transport {
  /** @throws TollgateError */
  send(call: Call, signal: AbortSignal): Promise<Reply>
}
