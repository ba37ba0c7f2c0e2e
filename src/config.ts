import * as z from 'zod'
import { ALIAS_NAMES, findIgnoredAliases, givenName, withAliases, withSecretKeys } from './config-aliases.ts'
import { findFaults, findNotices, UNKNOWN_URL } from './config-checks.ts'
import { type ConfigFault, findFeature, leaveOut, leaveOutMalformed } from './config-features.ts'
import { baseUrl, credential, flag, secret, secureUrl, wholeNumber } from './config-fields.ts'
import { parseTrustedIssuers } from './config-issuers.ts'
import { describeIssues, describeReason } from './config-issues.ts'
import { databaseUrl, domain, hosts, keyPrefix, list, origins, webhookSecrets } from './config-lists.ts'
import { parseOAuthScopes } from './config-oauth.ts'
import { parseSignInProviders } from './config-providers.ts'
import { parseRedisShards } from './config-shards.ts'
import { parseEmailDomain } from './lib/email-address.ts'
import { parseJwkSet } from './lib/jwk-set.ts'
import { log } from './lib/log.ts'
import { parseReportKeys } from './lib/report-keys.ts'
import type { RootSecrets } from './lib/seal.ts'
import { Problem } from './problems.ts'

/** A transformation by a function that answers with a sentence for what it cannot read. The sentence quotes no value. */
const readBy =
  <Value extends object>(read: (text: string) => Value | string) =>
  (text: string, context: z.RefinementCtx): Value => {
    const value = read(text)
    if (typeof value !== 'string') return value
    context.issues.push({ code: 'custom', message: value, input: undefined })
    return z.NEVER
  }

const jwkSet = credential.transform(readBy(parseJwkSet))
const reportKeys = z.string().transform(readBy(parseReportKeys))
const trustedIssuers = z.string().transform(readBy((text) => parseTrustedIssuers(text, secureUrl)))
const redisShards = z.string().transform(readBy((text) => parseRedisShards(text, secureUrl, credential)))
const oauthScopes = z.string().transform(readBy(parseOAuthScopes))
const signInProviders = z.string().transform(readBy((text) => parseSignInProviders(text, secureUrl)))

const Variables = z.object({
  /** Neon's connection string; the driver derives its HTTPS endpoint from it. `POSTGRES_URL` stands for it too. */
  DATABASE_URL: databaseUrl,
  /** The connection string of a read replica, which analytics then read from (docs/operate/scale.md). */
  DATABASE_REPLICA_URL: databaseUrl.optional(),
  /** Another endpoint with Neon's HTTP protocol, such as the local stack's. */
  NEON_FETCH_ENDPOINT: secureUrl.optional(),
  /** Milliseconds after which a query counts as failed; Neon wakes a sleeping database well within the default. */
  DATABASE_TIMEOUT_MS: wholeNumber(100, 30_000, 5_000),
  /** The total time in milliseconds that a request may wait for stores and services. Then it fails with 503. */
  REQUEST_BUDGET_MS: wholeNumber(1_000, 60_000, 15_000),
  UPSTASH_REDIS_REST_URL: secureUrl.refine((text) => text !== 'https://name.upstash.io', 'is still the placeholder'),
  UPSTASH_REDIS_REST_TOKEN: credential,
  /** More Redis databases, as a JSON list: each has a share of the organizations (docs/operate/scale.md). */
  REDIS_SHARDS: redisShards.prefault('[]'),
  /** Milliseconds after which a Redis round trip counts as failed. */
  REDIS_TIMEOUT_MS: wholeNumber(10, 10_000, 300),
  /** The private keys of tokens, as a JWK set. The first one signs; all of them verify (docs/operate/keys.md). */
  JWT_KEYS: jwkSet.optional(),
  /** The short form of it: one secret (HS256). `JWT_SECRET` stands for it too. */
  JWT_SECRET_KEY: secret.optional(),
  /**
   * The public keys of a secret scanner, as it publishes them. Without them, reports are disabled
   * (docs/operate/secret-scanning.md).
   */
  LEAK_REPORT_KEYS: reportKeys.optional(),
  /** Other issuers whose tokens count here, as a JSON list (docs/operate/trusted-issuers.md). */
  TRUSTED_ISSUERS: trustedIssuers.prefault('[]'),
  /** Milliseconds that a request waits for an issuer's keys at most. */
  TRUSTED_ISSUERS_TIMEOUT_MS: wholeNumber(100, 10_000, 3_000),
  /** Identity providers that people sign in with, as a JSON list (docs/operate/sign-in.md). */
  SIGN_IN_PROVIDERS: signInProviders.prefault('[]'),
  /** Milliseconds that a request waits for one answer of an identity provider at most. */
  SIGN_IN_TIMEOUT_MS: wholeNumber(100, 10_000, 5_000),
  /** Scopes that applications may ask for, as a JSON object; none without it (docs/guides/oauth.md). */
  OAUTH_SCOPES: oauthScopes.prefault('{}'),
  /** Whether people can sign in with a code, or a link, that is sent to their address. */
  EMAIL_SIGN_IN: z.enum(['off', 'code', 'link']).default('off'),
  /** The domain that passkeys are for: the host of PUBLIC_URL, or a domain above it (docs/operate/sign-in.md). */
  PASSKEY_RP_ID: domain.optional(),
  /** What lets a scraper read /metrics. Without it only service keys may (docs/operate/monitoring.md). */
  METRICS_TOKEN: secret.optional(),
  /** The root secret of all other derived keys: with SECRET_KEYS, the first of them. */
  SECRET_KEY: secret,
  /** Root secrets, separated by commas: the first seals, all open (docs/operate/secrets.md). */
  SECRET_KEYS: list.pipe(z.array(secret)),
  /** The public URL of this deployment, and the `iss` of its tokens. */
  PUBLIC_URL: baseUrl,
  /** Origins whose pages may call the API, separated by commas; `*` for any. */
  CORS_ORIGINS: origins,
  /** Hosts whose requests all go to the gateway, separated by commas (docs/operate/gateway.md). */
  GATEWAY_HOSTS: hosts,
  /** The default prefix of issued keys. */
  KEY_PREFIX: keyPrefix.default('ck'),
  /** Whether keys of other systems may be imported by hash, and are looked up (docs/guides/api-keys.md). */
  IMPORTED_KEYS: flag,
  /** What verification does while Redis fails: continue with limits per isolate, or refuse with 503. */
  ON_LIMITER_OUTAGE: z.enum(['open', 'closed']).default('open'),
  /** Raw events older than this are deleted by whole months; the sums stay (docs/operate/retention.md). */
  USAGE_RETENTION_DAYS: wholeNumber(40, 3650, 90),
  /** Rows of the audit log older than this are deleted by whole months. */
  AUDIT_RETENTION_DAYS: wholeNumber(90, 3650, 730),
  /** Seconds in which a used refresh token gets its answer again, which may have been lost. */
  REFRESH_REPEAT_SECONDS: wholeNumber(10, 86_400, 60),
  /** Seconds in which a repeated refresh token is refused without being treated as stolen. */
  REFRESH_GRACE_SECONDS: wholeNumber(0, 300, 0),
  /** What an email address must be confirmed for: nothing, getting keys, or signing in. */
  EMAIL_VERIFICATION: z.enum(['optional', 'keys', 'required']).default('optional'),
  /** Who may register: anybody, only people with an invitation, or people with an address in REGISTRATION_DOMAINS. */
  REGISTRATION: z.enum(['open', 'invitation', 'domains']).default('open'),
  /** Domains of email addresses, separated by commas. A domain does not include its subdomains. */
  REGISTRATION_DOMAINS: list.transform((domains) => domains.map((domain) => parseEmailDomain(domain) ?? domain)),
  /** Whether administrators need a second factor to use the administration. */
  ADMIN_REQUIRES_TWO_FACTOR: flag,
  /**
   * The email provider: Resend, or any service that accepts the same fields as JSON. With `none`, emails wait in their
   * table.
   */
  MAIL_PROVIDER: z.enum(['none', 'resend', 'http']).default('none'),
  MAIL_API_URL: secureUrl.default('https://api.resend.com/emails'),
  MAIL_API_KEY: z.string().default(''),
  /** The sender, as `Name <address>`. */
  MAIL_FROM: z.string().min(3).default('Tollgate <no-reply@localhost>'),
  /**
   * A range endpoint of breached passwords, such as https://api.pwnedpasswords.com/range. Without it, the check is
   * disabled.
   */
  BREACHED_PASSWORDS_URL: baseUrl.optional(),
  /** The maximum time in milliseconds that a password check waits for it. */
  BREACHED_PASSWORDS_TIMEOUT_MS: wholeNumber(100, 10_000, 1_000),
  /** A list of domains of throwaway addresses, one on each line, which nobody registers with. Without it, all may. */
  DISPOSABLE_DOMAINS_URL: baseUrl.optional(),
  /** The maximum time in milliseconds that a registration waits for it. */
  DISPOSABLE_DOMAINS_TIMEOUT_MS: wholeNumber(100, 10_000, 3_000),
  /** Cloudflare Turnstile at registration: the public key of its widget, and the secret. Without both, nobody is checked. */
  TURNSTILE_SITE_KEY: z.string().min(1).max(200).optional(),
  TURNSTILE_SECRET_KEY: credential.optional(),
  TURNSTILE_URL: baseUrl.default('https://challenges.cloudflare.com/turnstile/v0'),
  /** The maximum time in milliseconds that a registration waits for it. */
  TURNSTILE_TIMEOUT_MS: wholeNumber(100, 10_000, 3_000),
  /** Where DNS records are looked up, over HTTPS and in JSON (docs/guides/organizations.md). */
  DNS_URL: baseUrl.default('https://cloudflare-dns.com/dns-query'),
  /** The maximum time in milliseconds that a request waits for it. */
  DNS_TIMEOUT_MS: wholeNumber(100, 10_000, 3_000),
  /** Polar's organization access token. Without it, payments through Polar are disabled (docs/operate/billing.md). */
  POLAR_ACCESS_TOKEN: credential.optional(),
  POLAR_WEBHOOK_SECRET: webhookSecrets,
  /** Including the version. The sandbox is https://sandbox-api.polar.sh/v1. */
  POLAR_API_URL: baseUrl.default('https://api.polar.sh/v1'),
  /** A one-time product at Polar, whose price is set anew with each purchase of credits. Without it, Polar sells none. */
  POLAR_CREDIT_PRODUCT_ID: z.uuid().optional(),
  /** Stripe's secret or restricted key. Without it, payments through Stripe are disabled. */
  STRIPE_SECRET_KEY: credential.optional(),
  STRIPE_WEBHOOK_SECRET: webhookSecrets,
  STRIPE_API_URL: baseUrl.default('https://api.stripe.com/v1'),
  /** How long a plan stays in force while its payment fails. */
  BILLING_GRACE_DAYS: wholeNumber(0, 90, 7),
  /** Whether usage periods are calendar months, or begin when the subscription began. */
  USAGE_PERIODS: z.enum(['calendar', 'subscription']).default('calendar'),
  SERVICE_NAME: z.string().min(1).default('tollgate'),
  /** The look of the customer portal (docs/operate/portal.md). */
  BRAND_NAME: z.string().trim().min(1).max(100).optional(),
  BRAND_COLOR: z
    .string()
    .regex(/^#([0-9a-f]{3}|[0-9a-f]{6})$/i, 'must be a color, such as #0a7cff')
    .optional(),
  BRAND_LOGO_URL: z
    .url({ protocol: /^https$/ })
    .max(1_000)
    .optional(),
})

/** The schema of each setting, by name. */
export const SETTINGS = Variables.shape

/**
 * With an API key but no webhook secret, payments would never be recorded. With only the secret, nothing could be
 * looked up.
 */
function hasBothOrNone(key: string | undefined, secrets: readonly string[] | undefined): boolean {
  return (key === undefined) === (secrets === undefined || secrets.length === 0)
}

/**
 * With both set, the signing key would be ambiguous. Checked even if other variables are wrong, so that all errors are
 * reported at once.
 */
export const Env = Variables.refine(
  ({ JWT_KEYS, JWT_SECRET_KEY }) => (JWT_KEYS === undefined) !== (JWT_SECRET_KEY === undefined),
  { path: ['JWT_KEYS'], message: 'give either this or JWT_SECRET_KEY', when: () => true },
)
  .refine(({ POLAR_ACCESS_TOKEN, POLAR_WEBHOOK_SECRET }) => hasBothOrNone(POLAR_ACCESS_TOKEN, POLAR_WEBHOOK_SECRET), {
    path: ['POLAR_WEBHOOK_SECRET'],
    message: 'give both this and POLAR_ACCESS_TOKEN, or neither',
    when: () => true,
  })
  .refine(({ STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET }) => hasBothOrNone(STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET), {
    path: ['STRIPE_WEBHOOK_SECRET'],
    message: 'give both this and STRIPE_SECRET_KEY, or neither',
    when: () => true,
  })

export type Config = z.output<typeof Env> & {
  /** Settings that cannot work. Their features are disabled; key verification does not need them. */
  readonly faults: readonly ConfigFault[]
  /** Names of the settings that the environment gives, also of those that are refused. */
  readonly given: readonly string[]
}

const parsed = new WeakMap<object, Config>()

/**
 * Validates the whole environment, once per isolate. A wrong setting of a side feature disables that feature and is
 * logged as `setting_refused`; a setting that was probably meant differently is logged as `setting_suspicious`.
 *
 * @throws Problem `misconfigured`, naming every variable that verification needs and that is missing or wrong, never a
 *   value
 */
export function readConfig(env: object): Config {
  const known = parsed.get(env)
  if (known) return known
  const settings = withAliases(env)
  const given = Object.keys(SETTINGS).filter((name) => Reflect.get(settings, name) !== undefined)
  const config = { ...parseConfig(env), given }
  for (const { feature, variable, reason } of config.faults)
    log('error', 'setting_refused', { variable, reason, stopped: feature })
  const names = [...Object.keys(Variables.shape), ...ALIAS_NAMES]
  for (const notice of [...findNotices(config, env, names), ...findIgnoredAliases(env)])
    log('warn', 'setting_suspicious', { ...notice })
  parsed.set(env, config)
  return config
}

/**
 * The root secrets alone, for scripts that need nothing else.
 *
 * @throws Error that names what is missing or wrong, never a value
 */
export function readSecrets(env: object): RootSecrets {
  const { SECRET_KEY, SECRET_KEYS } = Variables.shape
  const read = z.object({ SECRET_KEY, SECRET_KEYS }).safeParse(withSecretKeys(env))
  if (read.success) return read.data
  throw new Error(describeIssues(read.error.issues, env))
}

type Parsed = Omit<Config, 'given'>

function parseConfig(given: object): Parsed {
  const env = withSecretKeys(withAliases(given))
  const issues = Env.safeParse(env).error?.issues ?? []
  const malformed = issues.flatMap((issue): ConfigFault[] => {
    const [name, reason] = [String(issue.path[0]), describeReason(issue, env)]
    const feature = findFeature(name)
    return feature === 'everything' ? [] : [{ feature, variable: givenName(given, name), reason }]
  })
  const rest = {
    PUBLIC_URL: UNKNOWN_URL,
    ...leaveOutMalformed(
      env,
      issues.map(({ path }) => String(path[0])),
    ),
  }
  if (malformed.length === issues.length) return withoutFaulty(rest, unique(malformed))
  throw new Problem('misconfigured', { detail: `${describeIssues(issues, given)} See .dev.vars.example.` })
}

/** One reason for each setting is enough: the last one, which is the most exact. */
const unique = (faults: readonly ConfigFault[]) => [...new Map(faults.map((one) => [one.variable, one])).values()]

/** A second check of well-formed settings: those that cannot work are left out as well. */
function withoutFaulty(env: object, malformed: readonly ConfigFault[]): Parsed {
  const settings = Variables.parse(env)
  const known = new Set(malformed.map(({ variable }) => variable))
  const impossible = findFaults(settings, env).filter(({ variable }) => !known.has(variable))
  const faults = [...malformed, ...impossible]
  return impossible.length === 0 ? { ...settings, faults } : { ...Variables.parse(leaveOut(env, impossible)), faults }
}
