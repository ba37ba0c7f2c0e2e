/** Why a key is refused, in the order of the checks. The first reason that applies is the verdict's code. */
export const REFUSALS = [
  'NOT_FOUND',
  'REVOKED',
  'DISABLED',
  'EXPIRED',
  'ORGANIZATION_SUSPENDED',
  'FORBIDDEN_IP',
  'INSUFFICIENT_SCOPE',
  'RATE_LIMITED',
  'QUOTA_EXCEEDED',
  'CREDITS_EXHAUSTED',
] as const

export type Refusal = (typeof REFUSALS)[number]
export type VerdictCode = Refusal | 'VALID'
