import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose'
import * as z from 'zod'
import type { Config } from '../../config.ts'
import type { TrustedIssuer } from '../../config-issuers.ts'
import type { Deps } from '../../deps.ts'
import { findIssuerKey } from './key-set.ts'
import { CLOCK_TOLERANCE_SECONDS, type IssuerClaims, judgeClaims, type TokenFlaw } from './rules.ts'

/** Tokens with custom claims are longer than ours. */
const MAX_CHARACTERS = 8_192
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** The trusted issuer that a token claims to be from, if any. This proves nothing about the token. */
export function findIssuer({ TRUSTED_ISSUERS: issuers }: Config, token: string): TrustedIssuer | undefined {
  if (issuers.length === 0 || token.length > MAX_CHARACTERS || !COMPACT.test(token)) return undefined
  try {
    const { iss } = decodeJwt(token)
    return issuers.find(({ issuer }) => issuer === iss)
  } catch {
    return undefined
  }
}

/**
 * Verifies a token of a trusted issuer (RFC 8725): one of the configured asymmetric algorithms, a key that the issuer
 * publishes under the token's `kid`, issuer, audience and times, and the claims that name user, organization and role.
 * A token without `kid` or `exp` is refused. Keys and addresses inside a token (`jwk`, `jku`, `x5u`) are ignored.
 *
 * @returns its claims, or the reason if it is refused
 * @throws Problem `issuer_unavailable` when the issuer's keys cannot be fetched: a valid token must not be reported as invalid
 */
export async function verifyIssuerToken(
  deps: Deps,
  issuer: TrustedIssuer,
  token: string,
): Promise<IssuerClaims | TokenFlaw> {
  const header = readHeader(token)
  if (!header || !(issuer.algorithms as readonly string[]).includes(header.alg)) return 'forged'
  const key = await findIssuerKey(deps, issuer, header)
  if (!key) return 'forged'
  const at = deps.now()
  const payload = await verifySignature(token, { key, alg: header.alg, issuer, at })
  return typeof payload === 'string' ? payload : judgeClaims(issuer, payload, at)
}

interface Expected {
  readonly key: CryptoKey
  readonly alg: string
  readonly issuer: TrustedIssuer
  readonly at: number
}

async function verifySignature(token: string, { key, alg, issuer, at }: Expected): Promise<JWTPayload | TokenFlaw> {
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: [alg],
      issuer: issuer.issuer,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(at),
    })
    return payload
  } catch (error) {
    return toFlaw(error)
  }
}

function toFlaw(error: unknown): TokenFlaw {
  if (error instanceof errors.JWTExpired) return 'expired'
  const isEarly = error instanceof errors.JWTClaimValidationFailed && error.claim === 'nbf'
  return isEarly ? 'not_yet_valid' : 'forged'
}

/**
 * Access tokens, and tokens without a type. Other types, such as logout tokens, are not accepted here
 * (RFC 8725 §3.11).
 */
const TYPES = new Set(['jwt', 'at+jwt'])
const Header = z.object({ alg: z.string(), kid: z.string().min(1), typ: z.string().default('jwt') })

function readHeader(token: string): z.output<typeof Header> | undefined {
  try {
    const header = Header.parse(decodeProtectedHeader(token))
    return TYPES.has(header.typ.toLowerCase().replace(/^application\//, '')) ? header : undefined
  } catch {
    return undefined
  }
}
