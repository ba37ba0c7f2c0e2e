/** What each setting is for, and so what stops where it is wrong. Every setting is in one of these lists. */
import { Problem } from './problems.ts'

/** A verification needs them. Where one is missing or wrong, every response is 503. */
export const VERIFICATION = [
  'DATABASE_URL',
  'NEON_FETCH_ENDPOINT',
  'DATABASE_TIMEOUT_MS',
  'REQUEST_BUDGET_MS',
  'UPSTASH_REDIS_REST_URL',
  'UPSTASH_REDIS_REST_TOKEN',
  'REDIS_SHARDS',
  'REDIS_TIMEOUT_MS',
  'SECRET_KEY',
  'SECRET_KEYS',
  'IMPORTED_KEYS',
  'ON_LIMITER_OUTAGE',
] as const

/** Everything but a verification needs them: a default in place of a wrong one would be a guess about who may do what. */
export const MANAGEMENT = [
  'PUBLIC_URL',
  'JWT_KEYS',
  'JWT_SECRET_KEY',
  'KEY_PREFIX',
  'REGISTRATION',
  'REGISTRATION_DOMAINS',
  'EMAIL_VERIFICATION',
  'ADMIN_REQUIRES_TWO_FACTOR',
  'REFRESH_REPEAT_SECONDS',
  'REFRESH_GRACE_SECONDS',
] as const

/**
 * A feature, and the variables that only it needs. A wrong variable disables the feature, not the Worker: the feature then
 * behaves as if none of its variables were set, or refuses to (`requireFeature`).
 */
export const SIDE_FEATURES = {
  mail: ['MAIL_PROVIDER', 'MAIL_API_URL', 'MAIL_API_KEY', 'MAIL_FROM'],
  polar: ['POLAR_ACCESS_TOKEN', 'POLAR_WEBHOOK_SECRET', 'POLAR_API_URL', 'POLAR_CREDIT_PRODUCT_ID'],
  stripe: ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET', 'STRIPE_API_URL'],
  subscriptions: ['BILLING_GRACE_DAYS', 'USAGE_PERIODS'],
  usage_retention: ['USAGE_RETENTION_DAYS'],
  audit_retention: ['AUDIT_RETENTION_DAYS'],
  breached_passwords: ['BREACHED_PASSWORDS_URL', 'BREACHED_PASSWORDS_TIMEOUT_MS'],
  disposable_domains: ['DISPOSABLE_DOMAINS_URL', 'DISPOSABLE_DOMAINS_TIMEOUT_MS'],
  turnstile: ['TURNSTILE_SITE_KEY', 'TURNSTILE_SECRET_KEY', 'TURNSTILE_URL', 'TURNSTILE_TIMEOUT_MS'],
  domains: ['DNS_URL', 'DNS_TIMEOUT_MS'],
  metrics: ['METRICS_TOKEN'],
  secret_scanning: ['LEAK_REPORT_KEYS'],
  trusted_issuers: ['TRUSTED_ISSUERS', 'TRUSTED_ISSUERS_TIMEOUT_MS'],
  sign_in: ['SIGN_IN_PROVIDERS', 'SIGN_IN_TIMEOUT_MS'],
  oauth: ['OAUTH_SCOPES'],
  email_sign_in: ['EMAIL_SIGN_IN'],
  passkeys: ['PASSKEY_RP_ID'],
  branding: ['SERVICE_NAME', 'BRAND_NAME', 'BRAND_COLOR', 'BRAND_LOGO_URL'],
  cors: ['CORS_ORIGINS'],
  gateway: ['GATEWAY_HOSTS'],
  replica: ['DATABASE_REPLICA_URL'],
} as const satisfies Record<string, readonly string[]>

export type SideFeature = keyof typeof SIDE_FEATURES

/** A setting that cannot work, and what is disabled by it. `management` is everything except verification. */
export interface ConfigFault {
  readonly feature: SideFeature | 'management'
  readonly variable: string
  readonly reason: string
}

/** @returns what a wrong value of a variable stops */
export function findFeature(variable: string): SideFeature | 'management' | 'everything' {
  const has = (variables: readonly string[]) => variables.includes(variable)
  if (has(VERIFICATION)) return 'everything'
  const entry = Object.entries(SIDE_FEATURES).find(([, variables]) => has(variables))
  return (entry?.[0] as SideFeature | undefined) ?? 'management'
}

/** For work that must not be done with a default in place of a wrong setting. @throws Problem `misconfigured` */
export function requireFeature({ faults }: { faults: readonly ConfigFault[] }, feature: ConfigFault['feature']): void {
  const fault = faults.find((one) => one.feature === feature)
  if (fault) throw new Problem('misconfigured', { detail: `${fault.variable} ${fault.reason}.` })
}

/** @returns the environment without the variables of these features. Those of `management` stay: nothing reads them while it is off. */
export function leaveOut(env: object, faults: readonly Pick<ConfigFault, 'feature'>[]): object {
  return without(
    env,
    faults.flatMap(({ feature }) => (feature === 'management' ? [] : SIDE_FEATURES[feature])),
  )
}

/** @returns the environment without malformed variables, and without the others of their features */
export const leaveOutMalformed = (env: object, names: readonly string[]): object =>
  without(
    env,
    names.flatMap((name): readonly string[] => {
      const feature = findFeature(name)
      return feature === 'management' || feature === 'everything' ? [name] : SIDE_FEATURES[feature]
    }),
  )

const without = (env: object, names: readonly string[]) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)))
