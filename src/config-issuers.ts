import * as z from 'zod'
import type { BuiltInRole } from './auth/roles.ts'
import { describeFlaws, parseJsonList } from './config-json.ts'

/** A shared secret is not among them: whoever could verify with one could sign with it (RFC 8725 §2.1). */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const
const MAX_ISSUERS = 20
const MAX_DEPTH = 5

const text = z.string().min(1).max(500)
const oneOrMore = z.union([text, z.array(text).min(1).max(20)]).transform((value) => [value].flat())
/** A string is the whole name of a claim, dots and slashes included; a list leads into objects. */
const claim = z.union([text, z.array(text).min(1).max(MAX_DEPTH)]).transform((value) => [value].flat())
const role = z.enum(['viewer', 'member', 'admin', 'owner'] as const satisfies readonly BuiltInRole[])

/**
 * An issuer whose tokens count here, as `TRUSTED_ISSUERS` describes it (docs/operate/trusted-issuers.md).
 *
 * @param url what a JWKS address must be
 */
const describeIssuer = (url: z.ZodType<string, string>) =>
  z
    .strictObject({
      /** The `iss` of its tokens, compared character by character. */
      issuer: text,
      jwks_url: url,
      /** A token is for one of these, or it is not for us. */
      audience: oneOrMore,
      /** Where a token says whom it is for. */
      audience_claim: claim.default(['aud']),
      algorithms: z.array(z.enum(ALGORITHMS)).min(1),
      /** Where it names the user. */
      user_claim: claim.default(['sub']),
      /** Where it names the organization, by its `external_id`. */
      organization_claim: claim,
      /** Where it names the user's role, if it does: a text or a list of texts. */
      role_claim: claim.optional(),
      /** The role that each of them stands for. */
      roles: z.record(text, role).optional(),
      /** The role of a token that names none. */
      default_role: role.default('member'),
    })
    .refine(({ role_claim, roles }) => (role_claim === undefined) === (roles === undefined), {
      path: ['roles'],
      message: 'is given together with role_claim',
    })

export type TrustedIssuer = z.output<ReturnType<typeof describeIssuer>>

/**
 * Reads `TRUSTED_ISSUERS`, a JSON list.
 *
 * @returns the issuers, or a sentence that says what is wrong where and quotes no value
 */
export function parseTrustedIssuers(json: string, url: z.ZodType<string, string>): TrustedIssuer[] | string {
  const list = parseJsonList(json)
  if (!list) return 'is not a JSON list of issuers'
  if (list.length > MAX_ISSUERS) return `must hold at most ${MAX_ISSUERS} issuers`
  const schema = describeIssuer(url)
  const results = list.map((one) => schema.safeParse(one))
  const flaws = results.flatMap(({ error }, at) => (error ? [`issuer ${at + 1}: ${describeFlaws(error)}`] : []))
  if (flaws.length > 0) return flaws.join('; ')
  const issuers = results.flatMap(({ data }) => (data ? [data] : []))
  return new Set(issuers.map(({ issuer }) => issuer)).size === issuers.length ? issuers : 'has the same issuer twice'
}
