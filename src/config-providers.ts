import * as z from 'zod'
import { describeFlaws, parseJsonList } from './config-json.ts'

const MAX_PROVIDERS = 10
const MICROSOFT = 'https://login.microsoftonline.com'

const text = z.string().min(1).max(500)
const client = { client_id: text, client_secret: text }
const id = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, 'must be small letters, digits and dashes')
const name = text.max(50)

/**
 * An identity provider as `SIGN_IN_PROVIDERS` describes it (docs/operate/sign-in.md).
 *
 * @param url what an address must be
 */
const describeProvider = (url: z.ZodType<string, string>) =>
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('google'), id: id.default('google'), name: name.default('Google'), ...client }),
    z.strictObject({
      kind: z.literal('microsoft'),
      id: id.default('microsoft'),
      name: name.default('Microsoft'),
      /** Whose accounts: an id, since the ID tokens of `common` come from as many issuers as there are tenants. */
      tenant: z.guid(),
      ...client,
    }),
    z.strictObject({
      kind: z.literal('github'),
      id: id.default('github'),
      name: name.default('GitHub'),
      /** Another one than github.com: GitHub Enterprise Server. */
      url: url.default('https://github.com'),
      api_url: url.default('https://api.github.com'),
      ...client,
    }),
    z.strictObject({ kind: z.literal('oidc'), id, name, issuer: url, ...client }),
  ])

type Described = z.output<ReturnType<typeof describeProvider>>

/**
 * What says that an account there has proved its address: a claim; or the issuer itself, unless it denies it, where the address is
 * of a domain that the issuer's own organization has verified.
 */
export type VerifiedBy = 'email_verified' | 'xms_edov' | 'issuer'

interface Provider {
  readonly id: string
  /** As people know it. */
  readonly name: string
  readonly clientId: string
  readonly clientSecret: string
}

export interface OidcProvider extends Provider {
  readonly protocol: 'oidc'
  readonly issuer: string
  /** The claim that says it. Microsoft's addresses count only by a claim of their own, since any tenant can name any address. */
  readonly verifiedBy: VerifiedBy
  /** Whether a customer named it: what it is and where it leads is then not to be trusted. */
  readonly isOfCustomer?: boolean
}

export interface GitHubProvider extends Provider {
  readonly protocol: 'github'
  readonly url: string
  readonly apiUrl: string
}

export type SignInProvider = OidcProvider | GitHubProvider

/** Whose identities a provider's are. */
export const issuerOf = (provider: SignInProvider): string =>
  provider.protocol === 'oidc' ? provider.issuer : provider.url

/**
 * Reads `SIGN_IN_PROVIDERS`, a JSON list.
 *
 * @returns the providers, or a sentence that says what is wrong where and quotes no value
 */
export function parseSignInProviders(json: string, url: z.ZodType<string, string>): SignInProvider[] | string {
  const list = parseJsonList(json)
  if (!list) return 'is not a JSON list of identity providers'
  if (list.length > MAX_PROVIDERS) return `must hold at most ${MAX_PROVIDERS} providers`
  const schema = describeProvider(url)
  const results = list.map((one) => schema.safeParse(one))
  const flaws = results.flatMap(({ error }, at) => (error ? [`provider ${at + 1}: ${describeFlaws(error)}`] : []))
  if (flaws.length > 0) return flaws.join('; ')
  const providers = results.flatMap(({ data }) => (data ? [toProvider(data)] : []))
  return new Set(providers.map((one) => one.id)).size === providers.length ? providers : 'has the same id twice'
}

function toProvider(described: Described): SignInProvider {
  const { client_id: clientId, client_secret: clientSecret } = described
  const common = { id: described.id, name: described.name, clientId, clientSecret }
  const oidc = { ...common, protocol: 'oidc', verifiedBy: 'email_verified' } as const
  switch (described.kind) {
    case 'google':
      return { ...oidc, issuer: 'https://accounts.google.com' }
    case 'microsoft':
      return { ...oidc, issuer: `${MICROSOFT}/${described.tenant.toLowerCase()}/v2.0`, verifiedBy: 'xms_edov' }
    case 'github':
      return { ...common, protocol: 'github', url: trim(described.url), apiUrl: trim(described.api_url) }
    default:
      return { ...oidc, issuer: described.issuer }
  }
}

/** Paths are appended to it. */
const trim = (url: string) => url.replace(/\/+$/, '')
