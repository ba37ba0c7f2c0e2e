import { type SQL, sql } from 'drizzle-orm'
import type { Config } from '../config.ts'
import { issuerOf } from '../config-providers.ts'
import { relyingPartyId } from './passkeys/relying-party.ts'

/** The ways to sign in that this deployment offers. */
export interface Ways {
  /** The issuers of its identity providers. */
  readonly issuers: readonly string[]
  /** The relying party whose passkeys work. */
  readonly rpId: string
  /** Whether a code or link sent by email signs in. */
  readonly byEmail: boolean
}

export const waysIn = (config: Config): Ways => ({
  issuers: config.SIGN_IN_PROVIDERS.map(issuerOf),
  rpId: relyingPartyId(config),
  byEmail: emailMethod(config) !== 'off',
})

/** How email signs in: with a code, a link, or not at all. Always off without an email provider. */
export const emailMethod = ({ EMAIL_SIGN_IN, MAIL_PROVIDER }: Config): Config['EMAIL_SIGN_IN'] =>
  MAIL_PROVIDER === 'none' ? 'off' : EMAIL_SIGN_IN

/**
 * Whether somebody can sign in without one of their identities or passkeys: by password, by email, with another passkey, or with
 * another identity of a provider in use.
 *
 * @param without the id of the identity or passkey to disregard
 */
export const hasWayIn = (userId: string, { issuers, rpId, byEmail }: Ways, without: string): SQL => sql`(
  exists (select 1 from users u where u.id = ${userId}::uuid
    and (u.password_hash is not null or (${byEmail}::boolean and u.email_verified_at is not null)))
  or exists (
    select 1 from identities i where i.user_id = ${userId}::uuid and i.id <> ${without}::uuid
      and i.issuer in (select jsonb_array_elements_text(${JSON.stringify(issuers)}::jsonb)))
  or exists (
    select 1 from passkeys p where p.user_id = ${userId}::uuid and p.id <> ${without}::uuid and p.rp_id = ${rpId}))`
