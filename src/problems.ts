import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { ZodType, z } from 'zod'
import { type FieldError, fieldErrors } from './field-errors.ts'

/**
 * Every way a request can fail: code -> status and title. The title says what to do about it, as far as the caller can.
 * Status, body, OpenAPI and the list in the documentation all follow from this table.
 */
export const PROBLEMS = {
  malformed_json: [400, 'The body is not valid JSON.'],
  invalid_request: [400, 'The request does not match its schema; see errors.'],
  ambiguous_credentials: [400, 'Present one credential: Authorization and X-API-Key hold different ones.'],
  credentials_in_url: [400, 'Credentials belong in a header, never in the URL.'],
  organization_mismatch: [
    400,
    'The organization_id and the external_id name different organizations; send one of them.',
  ],
  organization_unnamed: [400, 'Name the organization, by organization_id or external_id.'],
  portal_link_invalid: [400, 'The link was used, has expired or no longer works; go back and open the portal again.'],
  oauth_client_unknown: [400, 'There is no application of this client_id; begin again in the application.'],
  oauth_redirect_refused: [400, 'The redirect_uri is not one of those that the application registered.'],
  invalid_token: [400, 'The link is no longer valid; request a new one.'],
  email_taken: [400, 'An account with this email address already exists.'],
  unauthenticated: [401, 'Present a valid bearer token or API key.'],
  invalid_credentials: [401, 'The email address or password is wrong.'],
  invalid_refresh_token: [401, 'The refresh token is not valid; sign in again.'],
  portal_session_over: [401, 'The portal session is over; go back and open the portal again.'],
  invalid_challenge: [401, 'The sign-in challenge expired or was already used; sign in again.'],
  invalid_sign_in: [401, 'The sign-in is unknown, used or expired, or was begun elsewhere; begin it again.'],
  payment_failed: [402, 'The payment failed; check the payment method in the billing portal.'],
  credits_exhausted: [402, 'The prepaid credits are used up; buy more with POST /api/v1/billing/top-up.'],
  wrong_password: [403, 'The current password is wrong.'],
  invalid_code: [403, 'The code is wrong, expired or was used before.'],
  invalid_passkey: [
    403,
    'The passkey is not one of this account, or its answer is too old or was used before. Try again.',
  ],
  reauthentication_required: [403, 'Send your password along: your sign-in is too old for this.'],
  forbidden: [403, 'Your role or key does not allow this.'],
  forbidden_while_impersonating: [403, 'Not allowed in a support session.'],
  two_factor_required: [403, 'A second factor is required here: switch one on in your account.'],
  single_sign_on_required: [
    403,
    'The organization requires its single sign-on: sign in with it (POST /api/v1/auth/sign-in/sso).',
  ],
  sso_address_refused: [
    403,
    'The address is not one of a verified domain of the organization, or the provider does not confirm it.',
  ],
  sso_no_member: [403, 'You are no member of the organization; ask one of its admins for an invitation.'],
  service_key_only: [403, 'Only a service key can do this.'],
  user_only: [403, 'This needs a signed-in user; an API key cannot do it.'],
  email_unconfirmed: [
    403,
    'Keys are for people with a confirmed email address: open the link that was sent to yours, or ask for another one.',
  ],
  identity_unconfirmed: [
    403,
    'The identity provider has not confirmed an email address of yours. Confirm it there, or register with a password.',
  ],
  registration_closed: [403, 'Registration is by invitation only.'],
  person_unproven: [
    403,
    'Show that a person registers: send the token of the check, which is good once and for five minutes.',
  ],
  email_disposable: [403, 'Nobody can register with a throwaway address: use one that lasts.'],
  registration_domain_not_allowed: [403, 'Nobody can register here with an email address of this domain.'],
  account_required: [403, 'This requires an account on this deployment; a token from another issuer is not enough.'],
  rate_limit_above_plan: [403, "Only an administrator sets a rate limit above the organization's own."],
  foreign_origin: [403, 'This request must come from a page of this deployment.'],
  unsigned_report: [403, 'The report is not signed by a key that this deployment knows.'],
  unsigned_webhook: [403, 'The webhook is not signed with a secret that this deployment knows, or too old.'],
  imports_disabled: [403, 'Key import is disabled on this deployment; its operator enables it with IMPORTED_KEYS.'],
  organization_suspended: [403, 'The organization is suspended; nothing new can be created in it.'],
  invitation_for_other: [403, 'The invitation was sent to another email address; sign in with that one.'],
  webhook_endpoint_limit_reached: [403, 'An organization has at most 10 webhook endpoints; delete one first.'],
  meter_limit_reached: [403, 'A deployment has at most 100 meters of its own; delete one first.'],
  price_limit_reached: [403, 'There are at most 1,000 prices of your own; delete one first.'],
  route_limit_reached: [403, 'A gateway has at most 200 routes; delete one first.'],
  passkey_limit_reached: [403, 'An account has at most 20 passkeys; remove one first.'],
  email_sign_in_off: [403, 'Nobody signs in by email here.'],
  role_limit_reached: [403, 'An organization has at most 50 roles of its own; delete one first.'],
  domain_limit_reached: [403, 'An organization has at most 20 domains; remove one first.'],
  key_limit_reached: [403, "The plan's number of API keys is reached; revoke one or upgrade."],
  not_found: [404, 'Not found.'],
  session_not_found: [404, 'No such session.'],
  reservation_not_found: [404, 'No such reservation.'],
  key_not_found: [404, 'No such API key.'],
  user_not_found: [404, 'No such user.'],
  organization_not_found: [404, 'No such organization.'],
  plan_not_found: [404, 'No such plan.'],
  meter_not_found: [404, 'No such meter.'],
  event_not_found: [404, 'No such usage event; detail names it.'],
  price_not_found: [404, 'No price of your own is there.'],
  route_not_found: [404, 'No route of the gateway is there.'],
  credit_grant_not_found: [404, 'No such grant of credits.'],
  ledger_row_not_found: [
    404,
    'Not all of these rows exist in the organization, or not all were refused or are unknown.',
  ],
  billing_event_not_found: [404, 'No such event of a payment provider.'],
  mail_not_found: [404, 'No such email; they are kept for 30 days.'],
  request_not_found: [404, 'No such request is stored; detail says how long they are kept.'],
  webhook_endpoint_not_found: [404, 'No such webhook endpoint.'],
  webhook_delivery_not_found: [404, 'No such delivery; they are kept for 30 days.'],
  member_not_found: [404, 'No such member of the organization.'],
  domain_not_found: [404, 'No such domain of the organization.'],
  sso_not_found: [404, 'No organization signs in this way.'],
  directory_not_found: [404, 'The organization has no directory.'],
  grant_not_found: [404, 'You have let no application do this, or it has ended.'],
  device_code_unknown: [404, 'No device waits under this code. It may have expired: begin again on the device.'],
  role_not_found: [404, 'The organization has no such role.'],
  directory_group_not_found: [404, 'The directory has no such group.'],
  invitation_not_found: [404, 'No such open invitation.'],
  method_not_allowed: [405, 'The resource does not take this method; see Allow.'],
  key_revoked: [409, 'The key is revoked; issue a new one.'],
  key_expired: [409, 'The key has expired; change its expiry first, or issue a new one.'],
  reservation_closed: [409, 'This idempotency_key stands for a reservation that was settled, canceled or has expired.'],
  key_already_rotated: [409, 'The key was already rotated; rotate the key that replaced it.'],
  webhook_endpoint_off: [409, 'The webhook endpoint is switched off; switch it on first.'],
  external_id_taken: [409, 'Another organization has this external_id.'],
  meter_exists: [409, 'A meter with this slug already exists.'],
  meter_in_use: [409, 'The meter has limits, prices or recorded use; only an unused one can be deleted.'],
  meter_protected: [409, 'This is a built-in meter; it can be neither changed nor deleted.'],
  event_not_correctable: [409, 'A verification cannot be corrected; correct the report of its use.'],
  price_exists: [409, 'There is a price of this provider, model and kind from this moment on; delete it first.'],
  route_slug_taken: [409, 'Another route of the gateway has this slug; choose another one.'],
  route_match_taken: [409, 'Another route of the gateway has this host and path prefix; change one of them.'],
  plan_exists: [409, 'A plan with this id already exists.'],
  plan_in_use: [409, 'The plan is still in use; see detail. To stop offering it, make it not public.'],
  plan_protected: [409, 'This is the default plan; it can be changed, not deleted.'],
  own_account: [409, 'You cannot do this to your own account.'],
  administrator_protected: [409, 'This account belongs to an administrator and is protected from this action.'],
  user_disabled: [409, 'The account is disabled; enable it first.'],
  last_owner: [409, 'You are the only owner of an organization; hand it over or delete it first, see errors.'],
  last_organization: [409, 'It is your last organization; make or join another one first.'],
  platform_organization: [409, 'The platform organization cannot be changed this way.'],
  slug_taken: [409, 'Another organization has this slug; choose another one.'],
  sso_not_tested: [409, 'Single sign-on can be required once somebody has signed in with it.'],
  role_exists: [409, 'The organization has a role of this name already; choose another name.'],
  key_of_application: [409, 'The key is the access token of an application, which renews it by itself.'],
  role_built_in: [409, 'Built-in roles cannot be changed.'],
  role_in_use: [409, 'The role is still in use; see detail.'],
  domain_known: [409, 'The domain is one of the organization already.'],
  domain_not_verified: [409, 'The DNS does not have the record that proves the domain; see detail.'],
  domain_taken: [
    409,
    'Another organization has verified this domain, and its record is still in the DNS; remove that one first.',
  ],
  already_member: [409, 'This person is already a member of the organization.'],
  account_exists: [409, 'The invited address has an account: sign in with it, or send its password along.'],
  webhook_in_progress: [409, 'Another delivery of this event is being handled; deliver it again shortly.'],
  no_credits: [409, 'The organization has no credits; buy some with POST /api/v1/billing/top-up.'],
  credit_grant_ended: [409, 'The grant was revoked or has expired; grant new credits.'],
  credit_grant_spent: [409, 'Less is left of the grant; see detail.'],
  ledger_row_settled: [409, 'Only a row that was refused or is unknown can be resent or written off; see detail.'],
  mail_not_kept: [409, 'The email was sent or given up, and its text was deleted; create the email again.'],
  subscription_locked: [409, 'The payment provider is still processing the subscription; retry shortly.'],
  request_in_progress: [409, 'Another request with this Idempotency-Key is being answered; retry shortly.'],
  already_subscribed: [409, 'The organization already has a subscription; change that one.'],
  payer_unknown: [409, 'The organization has no billing contact and no owner; set its `email` first.'],
  no_subscription: [409, 'There is no subscription; buy a plan first.'],
  subscription_active: [409, 'The organization has a paid subscription that goes on; cancel it first.'],
  subscription_paused: [409, 'The subscription is paused; resume it first (POST /api/v1/billing/resume).'],
  payment_open: [409, 'A payment is open; pay it on the page that POST /api/v1/billing/portal opens.'],
  subscription_ending: [409, 'The subscription is canceled; resume it first.'],
  currency_fixed: [409, 'A subscription keeps its currency; see detail.'],
  seat_limit_reached: [
    409,
    'All seats of the organization are taken. Buy more with POST /api/v1/billing/change, or remove a member.',
  ],
  seats_in_use: [409, 'The organization has more members than these seats; see detail.'],
  provider_unsupported: [409, 'The payment provider cannot do this; see detail.'],
  billing_not_offered: [409, 'This deployment takes no payments: no payment provider is configured.'],
  plan_not_purchasable: [409, 'The plan cannot be bought here; see detail.'],
  answer_unreadable: [
    409,
    'The request was done before, and its answer can no longer be read; see what it made, or send a new Idempotency-Key.',
  ],
  identity_not_linked: [409, 'There is an account with this address. Sign in to it, then link this way of signing in.'],
  identity_taken: [409, 'This already signs in to another account.'],
  last_way_in: [
    409,
    'This is the only way to sign in to the account; set a password, add a passkey or link another identity first.',
  ],
  passkey_known: [409, 'This passkey is one of an account already.'],
  passkey_is_second_factor: [
    409,
    'This passkey is the second factor; add another one, or switch the second factor off.',
  ],
  two_factor_already_enabled: [409, 'The second factor is already on; switch it off first.'],
  two_factor_not_set_up: [409, 'Set up the second factor first.'],
  two_factor_not_enabled: [409, 'The second factor is not on.'],
  body_too_large: [413, 'The body is larger than this endpoint takes.'],
  unsupported_media_type: [415, 'Send the body as application/json.'],
  billing_refused: [422, 'The payment provider refused this; see detail.'],
  idempotency_key_reused: [422, 'This Idempotency-Key was used with another request.'],
  too_many_reservations: [429, 'Too many reservations are open; settle or cancel some.'],
  rate_limited: [429, 'Too many requests; retry after the time in Retry-After.'],
  two_factor_locked: [429, 'Too many wrong codes; the second factor is locked for a while.'],
  quota_exceeded: [429, 'The quota of this period is used up.'],
  concurrency_exceeded: [429, 'As many requests are under way at once as are allowed.'],
  internal: [500, 'Something went wrong on our side; it was logged under the request id.'],
  billing_event_reduced: [410, 'The event is too old: what the provider sent is kept for 90 days.'],
  billing_event_failed: [502, 'The event could not be processed; its `error` says why.'],
  billing_rejected: [502, 'The payment provider did not accept this; it was logged under the request id.'],
  upstream_unreachable: [502, 'The API behind the gateway could not be reached; retry shortly.'],
  misconfigured: [503, 'This deployment is not configured completely.'],
  issuer_unavailable: [503, "The token's issuer does not answer; retry after the time in Retry-After."],
  billing_unavailable: [503, 'The payment provider does not answer; retry shortly.'],
  busy: [503, 'Too many passwords are being checked; retry after the time in Retry-After.'],
  identity_provider_unavailable: [503, 'The identity provider does not answer; retry shortly.'],
  dns_unavailable: [503, 'The DNS does not answer; retry shortly.'],
  unavailable: [503, 'A part of the service is unavailable; retry shortly.'],
  upstream_timeout: [504, 'The API behind the gateway did not answer in time.'],
} as const satisfies Record<string, readonly [ContentfulStatusCode, string]>

export type ProblemCode = keyof typeof PROBLEMS

/**
 * Input that came without HTTP, checked like a body.
 *
 * @throws Problem `invalid_request` that names each field
 */
export function parseInput<Schema extends ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = parseSafely(schema, input)
  if (result.success) return result.data
  throw new Problem('invalid_request', { errors: fieldErrors('body', result.error.issues) })
}

/** Without HTTP nobody has bounded how deep the input is nested, and what follows it may run out of stack. */
function parseSafely<Schema extends ZodType>(schema: Schema, input: unknown) {
  try {
    return schema.safeParse(input)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new Problem('invalid_request', { errors: [{ path: 'body', message: 'is nested too deeply' }] })
  }
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

/** A key lacks a scope. */
export const missingScope = (scope: string) => new Problem('forbidden', { detail: `The key needs the scope ${scope}.` })

/**
 * The address of a problem's entry in the published list, its RFC 9457 `type`. It is the same over HTTP and RPC.
 *
 * @param publicUrl the configured one, never the request's: the caller chooses `Host`. Undefined where the configuration
 *   cannot be read; then the address is relative
 */
function problemType(code: ProblemCode, publicUrl: string | undefined): string {
  const address = `/docs#${code}`
  return publicUrl === undefined ? address : new URL(address, publicUrl).href
}

/** What `Retry-After` says for a problem, in seconds, over HTTP and RPC alike; undefined where waiting does not help. */
export function readRetryAfter({ code, status, extra }: Problem): string | undefined {
  if (extra.headers?.['Retry-After']) return extra.headers['Retry-After']
  if (code === 'request_in_progress') return '1'
  return status === 503 ? '2' : undefined
}

/** The RFC 9457 members of a problem. */
export function problemBody(problem: Problem, publicUrl: string | undefined, requestId: string) {
  const [status, title] = PROBLEMS[problem.code]
  const { errors } = problem.extra
  return {
    type: problemType(problem.code, publicUrl),
    title,
    status,
    detail: problem.message,
    code: problem.code,
    request_id: requestId,
    ...(errors && { errors }),
  }
}
