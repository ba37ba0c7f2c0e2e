import * as z from 'zod'
import { optionalPassword } from '../../accounts/two-factor/schemas.ts'
import { timestamp } from '../../http/fields.ts'

const text = z.string().min(1).max(500)
const joinRole = z.enum(['member', 'viewer']).nullable().meta({
  description: 'The role of whoever signs in the first time. Null if only members may sign in.',
})

export const SsoSettings = z
  .strictObject({
    issuer: z.url().max(500).meta({
      description:
        'As the metadata of the provider name it, also with its slash at the end; https, at a public address. `/.well-known/openid-configuration` is below it.',
    }),
    client_id: text,
    client_secret: text
      .optional()
      .meta({ description: 'Required at first, and where issuer or client change. Never shown again.' }),
    join_role: joinRole.default(null),
    required: z.boolean().default(false).meta({
      description: 'Whether members who are no owners may act for the organization only after signing in so.',
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
    redirect_uri: z.url().meta({ description: 'What to register at the provider.' }),
    last_used_at: timestamp.nullable().meta({
      description: 'When somebody last signed in. Null until somebody did since the provider was changed.',
    }),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'SingleSignOn' })
