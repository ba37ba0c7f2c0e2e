import * as z from 'zod'
import { organizationFilter, timestamp } from '../http/fields.ts'
import { PORTAL_SCOPES } from './scopes.ts'

const LOCAL = /^(localhost|127\.0\.0\.1|\[::1\])$/

/** The operator chooses it, so any site is allowed, but not a script or a password. */
const returnUrl = z
  .url({ protocol: /^https?$/ })
  .max(1_000)
  .refine((text) => {
    const url = URL.parse(text) // this also runs for text that is not a URL
    return url?.username === '' && url.password === '' && (url.protocol === 'https:' || LOCAL.test(url.hostname))
  }, 'must be https, and must not contain credentials')

const scope = z.enum(PORTAL_SCOPES)

export const NewPortalSession = z
  .strictObject({
    organization_id: organizationFilter.organization_id.meta({ description: 'The organization to open.' }),
    external_id: organizationFilter.external_id.meta({
      description: "Alternative to `organization_id`: the operator's own id of the organization.",
    }),
    scopes: z
      .array(scope)
      .min(1)
      .max(PORTAL_SCOPES.length)
      .transform((scopes) => [...new Set(scopes)])
      .meta({
        description: 'What the customer may do in the portal.',
        example: ['keys:read', 'keys:write', 'usage:read'],
      }),
    return_url: returnUrl.optional().meta({
      description: "The address of the portal's link back to your application: an `https:` URL, or localhost.",
    }),
  })
  .meta({ id: 'NewPortalSession' })

export const PortalLink = z
  .object({
    url: z.url().meta({ description: 'Works once. Redirect the customer to it.' }),
    expires_at: timestamp.meta({ description: '15 minutes after it was created.' }),
  })
  .meta({ id: 'PortalLink' })

export const Redemption = z
  .strictObject({
    token: z.string().min(1).max(200).meta({ description: "The token of the link's address." }),
    verifier: z.string().min(32).max(200).optional().meta({
      description:
        'Random text that only the caller knows. For a minute after the exchange, a repeat with the same text gets the same access: the first answer may have been lost.',
    }),
  })
  .meta({ id: 'PortalRedemption' })

export const PortalTab = z.strictObject({
  tab_organization_id: z.uuid().optional().meta({
    description:
      'The organization that a tab shows: the session of any other one is left alone, as if there were none.',
  }),
})

const Branding = z
  .object({
    name: z.string().nullable().meta({ example: 'Acme' }),
    color: z.string().nullable().meta({ description: 'Hex.', example: '#1a6cff' }),
    logo_url: z.string().nullable().meta({ example: 'https://acme.example/logo.svg' }),
  })
  .meta({ id: 'Branding', description: "The deployment's own branding. Fields that are not configured are null." })

export const PortalAccess = z
  .object({
    access_token: z.string(),
    token_type: z.literal('bearer'),
    expires_in: z.int().meta({ description: 'Seconds.' }),
    organization_id: z.uuid(),
    organization_name: z.string(),
    scopes: z.array(scope).meta({ example: ['keys:read', 'keys:write', 'usage:read'] }),
    return_url: z.string().nullable(),
    branding: Branding,
  })
  .meta({ id: 'PortalAccess' })
