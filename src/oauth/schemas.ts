import * as z from 'zod'
import { listSchema, pageQuery, timestamp, uuid } from '../http/fields.ts'
import { text } from '../http/text-field.ts'

const parameter = (max: number) => text(max).optional()

/** Example value for the documentation. */
const ORGANIZATION = '01900000-0000-7000-8000-000000000002'
const REQUEST = {
  client_id: '01900000-0000-7000-8000-000000000001',
  redirect_uri: 'http://127.0.0.1:3000/callback',
  response_type: 'code',
  scope: 'reports:read',
  state: 'af0ifjsldkj',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  code_challenge_method: 'S256',
}

/** The parameters of an authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2). The application is told about errors in them. */
export const AuthorizationInput = z
  .strictObject({
    client_id: text(2_000).meta({ description: 'Its id, or the URL of its metadata document.' }),
    redirect_uri: parameter(2_000),
    response_type: parameter(100),
    scope: parameter(2_000),
    state: parameter(4_000),
    code_challenge: parameter(200),
    code_challenge_method: parameter(20),
    resource: parameter(2_000),
  })
  .meta({ example: REQUEST })

export const AuthorizationRequest = z
  .object({
    client: z.object({
      id: z.string(),
      name: z.string().meta({ description: 'The name that the application gives itself. It is not verified.' }),
      uri: z.string().nullable(),
      host: z.string().nullable().meta({
        description:
          'The host of its `client_id`, which published this description. Null for an application that registered itself.',
      }),
      redirects_to: z
        .string()
        .nullable()
        .meta({
          description: `Where you are sent afterwards: a host, \`this computer\`, or the scheme of an application. Null for a device, which
fetches its token itself.`,
        }),
    }),
    organization: z
      .object({
        id: z.uuid(),
        name: z.string(),
        may_grant: z
          .boolean()
          .meta({ description: 'Whether your role there allows you to authorize applications (`keys:write`).' }),
      })
      .nullable(),
    asks_for: z.array(z.object({ scope: z.string(), description: z.string() })),
    resource: z.string().nullable().meta({ description: 'The service that the application wants to use (RFC 8707).' }),
    redirect_to: z.string().nullable().meta({
      description: 'If the request is invalid: the URL that reports this to the application. Null otherwise.',
    }),
  })
  .meta({ id: 'AuthorizationRequest' })

const decidedFor = uuid.meta({
  description: 'The organization that was shown. Refused if you act for another one by now.',
})

/** Consent requires at least one scope. */
const namesScope = ({ decision, scope }: { readonly decision: string; readonly scope?: string | undefined }) =>
  decision === 'deny' || scope === undefined || scope.trim() !== ''
const NO_SCOPE = { path: ['scope'], message: 'must list the scopes that you agree to' }

export const Decision = AuthorizationInput.extend({
  for: decidedFor,
  scope: parameter(2_000).meta({ description: 'The requested scopes that you agree to.' }),
  decision: z.enum(['approve', 'deny']),
})
  .refine(namesScope, NO_SCOPE)
  .meta({ example: { ...REQUEST, for: ORGANIZATION, decision: 'approve' } })

const userCode = text(40).min(1).meta({ description: 'As shown on the device. Case and hyphens are ignored.' })

export const DeviceInput = z.strictObject({ user_code: userCode }).meta({ example: { user_code: 'BCDF-GHJK' } })

export const DeviceDecision = z
  .strictObject({
    user_code: userCode,
    for: decidedFor,
    scope: parameter(2_000).meta({
      description: 'The requested scopes that you agree to. Defaults to all.',
    }),
    decision: z.enum(['approve', 'deny']),
  })
  .refine(namesScope, NO_SCOPE)
  .meta({
    example: {
      user_code: 'BCDF-GHJK',
      for: ORGANIZATION,
      scope: 'reports:read',
      decision: 'approve',
    },
  })

export const Decided = z
  .object({
    redirect_to: z
      .string()
      .meta({ description: 'Where to send the person. This URL tells the application the decision.' }),
  })
  .meta({ id: 'AuthorizationDecided' })

export const GrantParams = z.strictObject({ id: uuid })
export const GrantQuery = pageQuery

export const Grant = z
  .object({
    id: z.uuid().meta({ description: 'Also the id of the key that is its access token.' }),
    client: z.object({ id: z.string(), name: z.string(), uri: z.string().nullable() }),
    organization_id: z.uuid(),
    organization_name: z.string(),
    scopes: z.array(z.string()),
    resource: z.string().nullable(),
    created_at: timestamp,
    refreshed_at: timestamp.meta({ description: 'When the application last renewed its token.' }),
    expires_at: timestamp.meta({ description: 'When it expires unless it is renewed.' }),
  })
  .meta({ id: 'Grant' })

export const GrantList = listSchema(Grant)
