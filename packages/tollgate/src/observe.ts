/** What a program sees of the requests that its client sends. */
import type { TollgateError } from './errors.ts'
import type { Reply } from './operations.ts'

/** One attempt of a call. */
export interface SentRequest {
  readonly method: string
  /** As the API describes it, without values: `/auth/api-keys/{id}`. */
  readonly path: string
  /** From 1. */
  readonly attempt: number
}

/** How an attempt ended. */
export interface RequestOutcome extends SentRequest {
  readonly ms: number
  /** Undefined without an answer, and for what succeeds over a service binding. */
  readonly status: number | undefined
  readonly error: TollgateError | undefined
}

/** For logs and metrics. What a hook throws is ignored. */
export interface RequestHooks {
  /** Called before each attempt of a call. */
  readonly onRequest?: ((request: SentRequest) => unknown) | undefined
  /** Called after each attempt of a call. */
  readonly onResponse?: ((outcome: RequestOutcome) => unknown) | undefined
}

/** Sends once, and tells the hooks. @throws what `send` throws, which must be a TollgateError */
export async function observe(
  { onRequest, onResponse }: RequestHooks,
  request: SentRequest,
  send: () => Promise<Reply>,
): Promise<Reply> {
  const began = performance.now()
  const end = (status: number | undefined, error?: TollgateError) =>
    tell(onResponse, { ...request, status, error, ms: Math.round(performance.now() - began) })
  tell(onRequest, request)
  try {
    const reply = await send()
    end(reply.status)
    return reply
  } catch (failure) {
    const error = failure as TollgateError
    end(error.status || undefined, error)
    throw error
  }
}

function tell<Event>(hook: ((event: Event) => unknown) | undefined, event: Event): void {
  try {
    Promise.resolve(hook?.(event)).catch(() => undefined)
  } catch {
    // a log that fails must not fail the call
  }
}
