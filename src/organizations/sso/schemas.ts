import * as z from 'zod'
import { optionalPassword } from '../../accounts/two-factor/schemas.ts'
import { timestamp } from '../../http/fields.ts'

const text = z.string().min(1).max(500)
const joinRole = z.enum(['member', 'viewer']).nullable().meta({
  description: 'The role of people who sign in for the first time. Null if only members can sign in.',
})

export const SsoSettings = z
  .strictObject({
    issuer: z.url().max(500).meta({
      description:
        'Exactly as in the metadata of the provider, including a trailing slash. An `https:` URL at a public address, below which `/.well-known/openid-configuration` is found.',
    }),
    client_id: text,
    client_secret: text
      .optional()
      .meta({ description: 'Required at first, and when the issuer or the client changes. Never shown again.' }),
    join_role: joinRole.default(null),
    required: z.boolean().default(false).meta({
      description: 'Whether members must sign in this way to act for the organization. Owners are exempt.',
    }),
    password: optionalPassword,
  })
  .meta({
    id: 'SsoSettings',
    example: {
      issuer: 'https://acme.okta.com',
      client_id: '0oa1b2c3',
      client_secret: 'k7…',
      join_role: 'member',
      required: false,
    },
  })

export const SsoRemoval = z.strictObject({ password: optionalPassword })

export const Sso = z
  .object({
    id: z.uuid(),
    issuer: z.string(),
    client_id: z.string(),
    join_role: joinRole,
    required: z.boolean(),
    redirect_uri: z.url().meta({ description: 'The redirect URI to register at the provider.' }),
    last_used_at: timestamp.nullable().meta({
      description: 'When somebody last signed in with the current provider. Null if nobody has.',
    }),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'SingleSignOn' })
