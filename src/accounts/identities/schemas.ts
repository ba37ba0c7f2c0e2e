import * as z from 'zod'
import { optionalPassword } from '../two-factor/schemas.ts'

export const Methods = z
  .object({
    providers: z.array(
      z.object({
        id: z.string(),
        name: z.string().meta({ description: 'What people call it.' }),
      }),
    ),
    sso: z.boolean().meta({ description: 'Whether any organization has set up single sign-on.' }),
    email: z.enum(['off', 'code', 'link']).meta({ description: 'What this deployment sends by email for a sign-in.' }),
    turnstile: z.object({ site_key: z.string(), script_url: z.url() }).nullable().meta({
      description: `The widget of Cloudflare Turnstile, whose token registration accepts as \`turnstile_token\`. Null if this deployment does not check.`,
    }),
  })
  .meta({ id: 'SignInMethods' })

/** base64url of 32 bytes. */
const challenge = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be the base64url of a SHA-256, without padding')

/** The page that begins a sign-in. */
export const page = {
  return_to: z
    .url({ protocol: /^https?$/ })
    .max(2_000)
    .meta({
      description: `Where the browser returns afterwards, with \`sign_in_code\` or \`sign_in_error\` added to the query: an address of
this deployment, or of an origin in \`CORS_ORIGINS\`.`,
    }),
  code_challenge: challenge.meta({
    description: 'The SHA-256 of a random `code_verifier` that the page keeps, as base64url (RFC 7636, S256).',
  }),
}

export const SignIn = z.strictObject({
  provider: z.string().min(1).max(40).meta({ description: 'One of `GET auth/sign-in/methods`.' }),
  ...page,
})

export const SignInPage = z
  .object({
    authorization_url: z.url().meta({ description: "The provider's page. Send the browser there." }),
    expires_in: z.int().meta({ description: 'Seconds until the sign-in expires.' }),
  })
  .meta({ id: 'SignInPage' })

const proof = {
  code: z.string().min(1).max(512).meta({
    description:
      'The `sign_in_code` from the address of the page, valid once, for two minutes; or the code from an email, valid for ten minutes.',
  }),
  code_verifier: z
    .string()
    .regex(/^[A-Za-z0-9._~-]{43,128}$/, 'must have 43 to 128 unreserved characters')
    .meta({ description: 'The `code_verifier` from which `code_challenge` was computed.' }),
}

export const Completion = z.strictObject(proof)
/** The problems of routes that use a code to sign in. */
export const COMPLETION_FAILS = [
  'invalid_sign_in',
  'invalid_code',
  'invalid_credentials',
  'identity_unconfirmed',
  'identity_not_linked',
  'registration_closed',
  'registration_domain_not_allowed',
  'sso_not_found',
  'sso_address_refused',
  'sso_no_member',
  'seat_limit_reached',
  'rate_limited',
] as const
export const Link = z.strictObject({ ...proof, password: optionalPassword }).meta({ id: 'IdentityLink' })
export const Unlink = z.strictObject({ password: optionalPassword })

export const Identity = z
  .object({
    id: z.uuid(),
    provider: z.string(),
    provider_name: z.string(),
    email: z
      .string()
      .nullable()
      .meta({ description: 'The email address that the provider reported at the last sign-in.' }),
    created_at: z.iso.datetime(),
    last_used_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Identity' })

export const Identities = z.object({ data: z.array(Identity) })
