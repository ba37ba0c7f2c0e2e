/** Settings that are well-formed each, and cannot work together. No message quotes a value. */
import type { ConfigFault, SideFeature } from './config-features.ts'
import { ACCESS_PREFIX, SERVICE_PREFIX } from './verification/key-format.ts'

interface Settings {
  readonly PUBLIC_URL: string
  readonly KEY_PREFIX: string
  readonly GATEWAY_HOSTS: readonly string[]
  readonly SIGN_IN_PROVIDERS: readonly object[]
  readonly SECRET_KEY: string
  readonly SECRET_KEYS: readonly string[]
  readonly JWT_SECRET_KEY?: string | undefined
  readonly METRICS_TOKEN?: string | undefined
  readonly UPSTASH_REDIS_REST_TOKEN: string
  readonly MAIL_API_KEY: string
  readonly POLAR_ACCESS_TOKEN?: string | undefined
  readonly POLAR_WEBHOOK_SECRET: readonly string[]
  readonly POLAR_CREDIT_PRODUCT_ID?: string | undefined
  readonly STRIPE_SECRET_KEY?: string | undefined
  readonly STRIPE_WEBHOOK_SECRET: readonly string[]
  readonly TURNSTILE_SECRET_KEY?: string | undefined
}

export const findConflicts = (settings: Settings): ConfigFault[] => [
  ...findAddressFaults(settings),
  ...findPrefixFault(settings),
  ...findSharedSecrets(settings),
  ...(settings.POLAR_CREDIT_PRODUCT_ID !== undefined && settings.POLAR_ACCESS_TOKEN === undefined
    ? [fault('polar', 'POLAR_CREDIT_PRODUCT_ID', 'is set, but POLAR_ACCESS_TOKEN is missing')]
    : []),
]

const fault = (feature: ConfigFault['feature'], variable: string, reason: string): ConfigFault => ({
  feature,
  variable,
  reason,
})

/** What lies below PUBLIC_URL, and whose the requests for its host are. */
function findAddressFaults({ PUBLIC_URL, GATEWAY_HOSTS, SIGN_IN_PROVIDERS }: Settings): ConfigFault[] {
  const { username, password, pathname, search, hash, host } = new URL(PUBLIC_URL)
  const faults: ConfigFault[] = []
  if (username || password) faults.push(fault('management', 'PUBLIC_URL', 'must not have a user or a password in it'))
  else if (pathname !== '/' || search || hash)
    faults.push(fault('management', 'PUBLIC_URL', 'must be a scheme and a host alone, without a path'))
  if (GATEWAY_HOSTS.includes(host))
    faults.push(
      fault('gateway', 'GATEWAY_HOSTS', 'names the host of PUBLIC_URL, where nothing but the gateway would answer'),
    )
  if (SIGN_IN_PROVIDERS.some((provider) => 'issuer' in provider && provider.issuer === PUBLIC_URL))
    faults.push(fault('sign_in', 'SIGN_IN_PROVIDERS', 'names this deployment itself'))
  return faults
}

/** What other credentials begin with: people, secret scanners and the API tell them apart by it. */
const RESERVED_PREFIXES: ReadonlySet<string> = new Set([
  ACCESS_PREFIX,
  SERVICE_PREFIX,
  'ort',
  'oac',
  'ocs',
  'odc',
  'rt',
  'et',
  'em',
  'ch',
  'pt',
  'scim',
  'whsec',
  'evt',
  'hold',
])

const findPrefixFault = ({ KEY_PREFIX }: Settings): ConfigFault[] =>
  RESERVED_PREFIXES.has(KEY_PREFIX)
    ? [fault('management', 'KEY_PREFIX', 'is what other credentials of Tollgate begin with; choose another')]
    : []

/** Whoever learns a secret that serves twice has both, and neither can be replaced alone. */
function findSharedSecrets(settings: Settings): ConfigFault[] {
  const uses: readonly (readonly [variable: string, feature: SideFeature | 'management', values: Values])[] = [
    [
      settings.SECRET_KEYS.length > 0 ? 'SECRET_KEYS' : 'SECRET_KEY',
      'management',
      [settings.SECRET_KEY, ...settings.SECRET_KEYS],
    ],
    ['JWT_SECRET_KEY', 'management', [settings.JWT_SECRET_KEY]],
    ['UPSTASH_REDIS_REST_TOKEN', 'management', [settings.UPSTASH_REDIS_REST_TOKEN]],
    ['METRICS_TOKEN', 'metrics', [settings.METRICS_TOKEN]],
    ['MAIL_API_KEY', 'mail', [settings.MAIL_API_KEY]],
    ['TURNSTILE_SECRET_KEY', 'turnstile', [settings.TURNSTILE_SECRET_KEY]],
    ['POLAR_ACCESS_TOKEN', 'polar', [settings.POLAR_ACCESS_TOKEN]],
    ['POLAR_WEBHOOK_SECRET', 'polar', settings.POLAR_WEBHOOK_SECRET],
    ['STRIPE_SECRET_KEY', 'stripe', [settings.STRIPE_SECRET_KEY]],
    ['STRIPE_WEBHOOK_SECRET', 'stripe', settings.STRIPE_WEBHOOK_SECRET],
  ]
  return uses.flatMap(([variable, feature, values], at) => {
    const other = uses.slice(0, at).find(([, , others]) => values.some((one) => one && others.includes(one)))
    return other ? [fault(feature, variable, `equals ${other[0]}; each needs a value of its own`)] : []
  })
}

type Values = readonly (string | undefined)[]
