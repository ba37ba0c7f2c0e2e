import type { KeyFacts, KeyVerdict, VerifyKeyInput } from './binding-types.ts'
import { errorFor, isUnavailable, mayAllow, TollgateError } from './errors.ts'
import type { CallOptions, Reply } from './operations.ts'

type Choice = 'allow' | 'deny'

/** What becomes of a verification that Tollgate could not answer. An answer that is not Tollgate's is always denied. */
export type OnUnavailable = Choice | ((error: TollgateError, input: VerifyKeyInput) => Choice | Promise<Choice>)

/** The verdict that `onUnavailable` gave: nobody knows the key. */
export type UncheckedVerdict = Readonly<
  Partial<Record<keyof KeyFacts | 'refused_by' | 'ratelimit' | 'quotas', undefined>>
> & {
  readonly code: 'UNAVAILABLE'
  readonly retry_after: number | null
  readonly request_id?: undefined
  readonly headers: Readonly<Record<string, string>>
  readonly error: TollgateError
} & ({ readonly valid: true; readonly status: 200 } | { readonly valid: false; readonly status: 503 })

export type Verdict = KeyVerdict | UncheckedVerdict

/** Seconds. */
const RETRY_AFTER = 2

/**
 * Verifies a key. A refusal is a verdict; so is an outage, as `onUnavailable` says.
 *
 * @throws TollgateError when the request or the service key is wrong, or the caller aborted it
 */
export async function verifyKey(
  send: () => Promise<Reply>,
  input: VerifyKeyInput,
  onUnavailable: OnUnavailable,
): Promise<Verdict> {
  try {
    return toVerdict(await send())
  } catch (error) {
    if (!(error instanceof TollgateError) || !isUnavailable(error)) throw error
    const choice = mayAllow(error) ? onUnavailable : 'deny'
    return uncheckedVerdict(typeof choice === 'function' ? await choice(error, input) : choice, error)
  }
}

function toVerdict({ body, headers }: Reply): KeyVerdict {
  const verdict = (body ?? {}) as KeyVerdict
  if (typeof verdict.valid !== 'boolean' || typeof verdict.code !== 'string' || typeof verdict.status !== 'number')
    throw errorFor('The answer is no verdict.', { code: 'unreadable_answer', status: 200 })
  const { retry_after, status } = verdict
  return {
    ...verdict,
    headers: {
      ...headers,
      ...(retry_after !== null && { 'Retry-After': String(retry_after) }),
      ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
    },
  }
}

function uncheckedVerdict(choice: Choice, error: TollgateError): UncheckedVerdict {
  if (choice === 'allow')
    return { valid: true, code: 'UNAVAILABLE', status: 200, retry_after: null, headers: {}, error }
  const retry_after = Math.max(RETRY_AFTER, error.retryAfter ?? 0)
  const headers = { 'Retry-After': String(retry_after) }
  return { valid: false, code: 'UNAVAILABLE', status: 503, retry_after, headers, error }
}

export interface VerifyOptions extends CallOptions {
  /** Instead of the client's. */
  readonly onUnavailable?: OnUnavailable | undefined
}
