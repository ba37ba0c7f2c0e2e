import type { Deps } from '../deps.ts'
import { toNetwork } from '../lib/cidr.ts'
import { Problem } from '../problems.ts'
import { toWindowKey } from './admission.ts'
import { consume } from './consume.ts'
import { rateLimitHeaders } from './headers.ts'
import type { Admission } from './limit-request.ts'
import { forgetWindows } from './outage/known.ts'

const MINUTE = 60_000

interface RequestLimit {
  readonly limit: number
  readonly windowMs: number
  /**
   * How much of the limit each isolate allows by itself while Redis fails: a tenth of limits against guessing and against strangers, who
   * must not gain from an outage.
   */
  readonly whenRedisFails: 'tenth' | 'whole'
}

/**
 * Every limit of Tollgate's own endpoints: how many requests in which time, for each subject (an address, an account,
 * or both). They are counted before any password is hashed. A successful login resets the limit of the account from
 * that network. Limits across all networks (`…_account` of an email address, `login_anywhere`) do not apply to a network from which
 * the user signed in before (accounts/known-network.ts), so even distributed requests do not lock owners out. The limit shared by
 * all accounts counts only failures. The limit of an invited address does not apply to the organization that verified its domain, nor to the operator.
 */
export const POLICIES = {
  register_address: { limit: 200, windowMs: 60 * MINUTE, whenRedisFails: 'tenth' },
  register_account: { limit: 10, windowMs: 60 * MINUTE, whenRedisFails: 'tenth' },
  login_address: { limit: 300, windowMs: 10 * MINUTE, whenRedisFails: 'tenth' },
  login_account_address: { limit: 10, windowMs: 10 * MINUTE, whenRedisFails: 'tenth' },
  login_account: { limit: 100, windowMs: 60 * MINUTE, whenRedisFails: 'tenth' },
  login_anywhere: { limit: 3_000, windowMs: 10 * MINUTE, whenRedisFails: 'tenth' },
  sign_in_address: { limit: 300, windowMs: 10 * MINUTE, whenRedisFails: 'tenth' },
  email_sign_in_address: { limit: 60, windowMs: 10 * MINUTE, whenRedisFails: 'tenth' },
  email_sign_in_account_address: { limit: 5, windowMs: 10 * MINUTE, whenRedisFails: 'tenth' },
  email_sign_in_account: { limit: 10, windowMs: 60 * MINUTE, whenRedisFails: 'tenth' },
  refresh_address: { limit: 600, windowMs: 10 * MINUTE, whenRedisFails: 'tenth' },
  account_export: { limit: 5, windowMs: 60 * MINUTE, whenRedisFails: 'whole' },
  password_change: { limit: 10, windowMs: 10 * MINUTE, whenRedisFails: 'tenth' },
  password_reset_address: { limit: 60, windowMs: 10 * MINUTE, whenRedisFails: 'tenth' },
  password_reset_account_address: { limit: 5, windowMs: 10 * MINUTE, whenRedisFails: 'tenth' },
  password_reset_account: { limit: 10, windowMs: 60 * MINUTE, whenRedisFails: 'tenth' },
  email_resend_address: { limit: 60, windowMs: 10 * MINUTE, whenRedisFails: 'tenth' },
  email_resend_account_address: { limit: 5, windowMs: 10 * MINUTE, whenRedisFails: 'tenth' },
  email_resend_account: { limit: 10, windowMs: 60 * MINUTE, whenRedisFails: 'tenth' },
  email_change_address: { limit: 60, windowMs: 10 * MINUTE, whenRedisFails: 'tenth' },
  email_change_account: { limit: 5, windowMs: 60 * MINUTE, whenRedisFails: 'tenth' },
  key_leak_report_address: { limit: 600, windowMs: 10 * MINUTE, whenRedisFails: 'whole' },
  oauth_register_address: { limit: 60, windowMs: 60 * MINUTE, whenRedisFails: 'tenth' },
  oauth_decide_account: { limit: 60, windowMs: 10 * MINUTE, whenRedisFails: 'whole' },
  oauth_device_account: { limit: 30, windowMs: 10 * MINUTE, whenRedisFails: 'tenth' },
  oauth_token_address: { limit: 6_000, windowMs: 10 * MINUTE, whenRedisFails: 'whole' },
  portal_redeem_address: { limit: 60, windowMs: 10 * MINUTE, whenRedisFails: 'tenth' },
  billing_read: { limit: 60, windowMs: MINUTE, whenRedisFails: 'whole' },
  billing_organization: { limit: 30, windowMs: 10 * MINUTE, whenRedisFails: 'whole' },
  usage_analytics: { limit: 300, windowMs: MINUTE, whenRedisFails: 'whole' },
  usage_export: { limit: 30, windowMs: 10 * MINUTE, whenRedisFails: 'whole' },
  audit_read: { limit: 300, windowMs: MINUTE, whenRedisFails: 'whole' },
  organization_create: { limit: 20, windowMs: 60 * MINUTE, whenRedisFails: 'whole' },
  domain_verify_organization: { limit: 60, windowMs: 10 * MINUTE, whenRedisFails: 'whole' },
  scim_organization: { limit: 1_200, windowMs: MINUTE, whenRedisFails: 'whole' },
  sso_change_organization: { limit: 30, windowMs: 10 * MINUTE, whenRedisFails: 'whole' },
  invitation_user: { limit: 50, windowMs: 60 * MINUTE, whenRedisFails: 'tenth' },
  invitation_organization: { limit: 50, windowMs: 60 * MINUTE, whenRedisFails: 'tenth' },
  invitation_organization_recipient: { limit: 5, windowMs: 60 * MINUTE, whenRedisFails: 'tenth' },
  invitation_recipient: { limit: 20, windowMs: 60 * MINUTE, whenRedisFails: 'tenth' },
  webhook_send_account: { limit: 60, windowMs: 10 * MINUTE, whenRedisFails: 'whole' },
  usage_write_organization: { limit: 3_000, windowMs: MINUTE, whenRedisFails: 'whole' },
  email_token_address: { limit: 60, windowMs: 10 * MINUTE, whenRedisFails: 'tenth' },
  email_token_token: { limit: 10, windowMs: 10 * MINUTE, whenRedisFails: 'tenth' },
} as const satisfies Record<string, RequestLimit>

export type Policy = keyof typeof POLICIES

const LOCAL_SHARE = 0.1
/** A minimum, so that a few typos lock nobody out. */
const MIN_LOCAL_LIMIT = 3

const localBound = (policy: Policy) =>
  POLICIES[policy].whenRedisFails === 'tenth' && {
    localLimit: Math.max(MIN_LOCAL_LIMIT, POLICIES[policy].limit * LOCAL_SHARE),
  }

/** The subject that a policy counts by. The parts are joined, and an address counts as its network. */
export interface Subject {
  readonly address?: string
  readonly account?: string
}

const toKey = (policy: Policy, { address, account }: Subject) =>
  `policy:${policy}:${[address && toNetwork(address), account].filter(Boolean).join('|')}`

/** The caller's address as a subject. Callers that the edge does not identify share one. */
export function networkAddress(deps: { readonly origin: { readonly ip: string | undefined } }): string {
  return deps.origin.ip ?? 'unknown'
}

/**
 * Takes one unit of each policy, in one round trip.
 *
 * @throws Problem `rate_limited`, with the headers of the policy that frees up last
 */
export async function enforceRateLimits(deps: Deps, policies: Partial<Record<Policy, Subject>>): Promise<void> {
  const entries = Object.entries(policies) as [Policy, Subject][]
  const now = deps.now()
  const admissions = await Promise.all(
    entries.map(([policy, subject]) =>
      consume(deps, {
        now,
        aheadMs: deps.redisAheadMs,
        organizationId: undefined,
        windows: [{ key: toKey(policy, subject), cost: 1, ...POLICIES[policy], ...localBound(policy) }],
        versions: [],
      }),
    ),
  )
  const refused = admissions.flatMap((admission, at) => refusal(admission, entries[at]?.[0] as Policy))
  const last = refused.toSorted((a, b) => b.window.reset - a.window.reset)[0]
  if (!last) return
  const headers = rateLimitHeaders(last.policy, last.window, POLICIES[last.policy].windowMs, now)
  throw new Problem('rate_limited', { headers })
}

function refusal(admission: Admission, policy: Policy) {
  return admission.outcome === 'rate_limited' ? admission.windows.map((window) => ({ policy, window })) : []
}

/**
 * Resets a subject's policies: once a user has proven to be the owner, other people's attempts no longer count against
 * them.
 */
export async function resetRateLimits(deps: Deps, policies: Partial<Record<Policy, Subject>>): Promise<void> {
  const keys = (Object.entries(policies) as [Policy, Subject][]).map(([policy, subject]) => toKey(policy, subject))
  forgetWindows(keys)
  await deps.redis.shared.del(...keys.map(toWindowKey)).catch(() => undefined) // they also expire on their own
}
