import type { ContentfulStatusCode } from 'hono/utils/http-status'

/**
 * Every way a request can fail: code -> status and title. The title says what to do about it, as far as the caller can.
 * Status, body, OpenAPI and the list in the documentation all follow from this table.
 */
export const PROBLEMS = {
  malformed_json: [400, 'The body is not valid JSON.'],
  invalid_request: [400, 'The request does not match its schema; see errors.'],
  ambiguous_credentials: [400, 'Present one credential: Authorization and X-API-Key hold different ones.'],
  credentials_in_url: [400, 'Credentials belong in a header, never in the URL.'],
  invalid_token: [400, 'The link is not valid any more; ask for a new one.'],
  email_taken: [400, 'An account with this e-mail address exists already.'],
  unauthenticated: [401, 'Present a valid bearer token or API key.'],
  invalid_credentials: [401, 'E-mail address or password is wrong.'],
  invalid_refresh_token: [401, 'The refresh token is not valid; sign in again.'],
  wrong_password: [403, 'The current password is wrong.'],
  invalid_challenge: [401, 'This sign-in is over; sign in again.'],
  invalid_code: [403, 'The code is wrong, expired or was used before.'],
  reauthentication_required: [403, 'Send your password along: your sign-in is too old for this.'],
  forbidden: [403, 'Your role or key does not allow this.'],
  forbidden_while_impersonating: [403, 'This is not done while an administrator acts as the user.'],
  two_factor_required: [403, 'An administrator needs a second factor here: switch one on, then sign in again.'],
  user_only: [403, 'This needs a signed-in user; an API key cannot do it.'],
  rate_limit_above_plan: [403, "Only an administrator sets a rate limit above the organization's own."],
  key_limit_reached: [403, "The plan's number of API keys is reached; revoke one or upgrade."],
  not_found: [404, 'There is nothing here.'],
  session_not_found: [404, 'No such session.'],
  key_not_found: [404, 'No such API key.'],
  user_not_found: [404, 'No such user.'],
  organization_not_found: [404, 'No such organization.'],
  method_not_allowed: [405, 'The resource does not take this method; see Allow.'],
  own_account: [409, 'Nobody does this to their own account.'],
  administrator_protected: [409, 'An administrator is not impersonated, and one of them must remain.'],
  user_disabled: [409, 'The account is disabled; enable it first.'],
  last_owner: [409, 'You are the only owner of an organization; hand it over or delete it first, see errors.'],
  request_in_progress: [409, 'The first request with this Idempotency-Key is still running; retry shortly.'],
  two_factor_already_enabled: [409, 'The second factor is on already; switch it off first.'],
  two_factor_not_set_up: [409, 'Set up the second factor first.'],
  two_factor_not_enabled: [409, 'The second factor is not on.'],
  body_too_large: [413, 'The body is larger than this endpoint takes.'],
  unsupported_media_type: [415, 'Send the body as application/json.'],
  idempotency_key_reused: [422, 'This Idempotency-Key was used with another request.'],
  rate_limited: [429, 'Too many requests; retry after the time in Retry-After.'],
  two_factor_locked: [429, 'Too many wrong codes; the second factor is locked for a while.'],
  quota_exceeded: [429, 'The quota of this period is used up.'],
  internal: [500, 'Something went wrong on our side; it was logged under the request id.'],
  misconfigured: [503, 'This deployment is not configured completely.'],
  unavailable: [503, 'A part of the service is unavailable; retry shortly.'],
} as const satisfies Record<string, readonly [ContentfulStatusCode, string]>

export type ProblemCode = keyof typeof PROBLEMS

export interface FieldError {
  /** Where in the request, as `body.events.0.id`. */
  readonly path: string
  readonly message: string
}

/** A validation's findings in the form of a problem. @param where the part of the request: body, query, path */
export function fieldErrors(
  where: string,
  issues: readonly { path: readonly PropertyKey[]; message: string }[],
): FieldError[] {
  return issues.map(({ path, message }) => ({ path: [where, ...path].join('.'), message }))
}

interface ProblemExtra {
  readonly detail?: string
  readonly errors?: readonly FieldError[]
  readonly headers?: Readonly<Record<string, string>>
}

/** A request that cannot be fulfilled, on its way to becoming an RFC 9457 answer. Thrown, and caught once, at the edge. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly extra: ProblemExtra

  constructor(code: ProblemCode, extra: ProblemExtra = {}) {
    super(
      extra.detail ?? extra.errors?.map(({ path, message }) => `${path}: ${message}`).join('; ') ?? PROBLEMS[code][1],
    )
    this.code = code
    this.extra = extra
  }

  get status(): ContentfulStatusCode {
    return PROBLEMS[this.code][0]
  }
}

/**
 * The RFC 9457 members of a problem.
 *
 * @param docs where the list of problems is published; `type` points into it
 */
export function problemBody(problem: Problem, docs: string, requestId: string) {
  const [status, title] = PROBLEMS[problem.code]
  const { errors } = problem.extra
  return {
    type: `${docs}#${problem.code}`,
    title,
    status,
    detail: problem.message,
    code: problem.code,
    request_id: requestId,
    ...(errors && { errors }),
  }
}
