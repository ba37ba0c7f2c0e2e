import type { OpenAPIHono } from '@hono/zod-openapi'
import type { ManagementEnv } from '../auth/env.ts'
import type { Config } from '../config.ts'
import { VERSION } from '../version.ts'
import { addExamples } from './add-examples.ts'
import { nameSchemas } from './name-schemas.ts'

export type OpenApiDocument = ReturnType<OpenAPIHono['getOpenAPI31Document']>

const DESCRIPTION = `Accounts, organizations, API keys, rate limits, quotas, usage metering and billing.

JSON in snake_case, times in ISO 8601 UTC, ids UUIDv7. Errors are \`application/problem+json\` (RFC 9457); their \`code\`
is stable. Lists are paginated by \`cursor\`. Every response has \`X-Request-Id\`.`

/** In the order in which to read them. The calls that an API's back end makes for each request come first. */
const TAGS = [
  ['Verification', 'Whether a key is valid, and whether the request fits its limits.'],
  ['Usage', 'Reporting, reserving and settling; quotas, analytics and alerts.'],
  ['API keys', 'Issuing, changing, rotating and revoking.'],
  ['Organizations', 'Members, roles and invitations.'],
  ['Billing', 'Plans, checkout and subscriptions.'],
  ['Credits', 'What is prepaid: its balance, its grants and every change of it.'],
  ['Webhooks', 'Endpoints that receive events, and their deliveries.'],
  ['Portal', 'Links by which your customers, who need no account, reach the portal of their organization.'],
  ['Accounts', 'Registration, sign-in, tokens and personal data.'],
  ['Sessions', 'The devices on which a user is signed in.'],
  ['Browser sessions', 'How pages of this deployment sign in: the refresh token is a cookie that no script can read.'],
  [
    'Sign-in without a password',
    'With Google, GitHub, Microsoft or any OpenID provider, or with a code or link by email, as the operator has configured.',
  ],
  ['Passkeys', 'Signing in with a device or a password manager, without a password.'],
  ['Applications', 'What applications and agents may do for you, by OAuth 2.1 (docs/guides/oauth.md).'],
  ['Two-factor authentication', 'Authenticator apps, passkeys and backup codes.'],
  ['Email', 'Confirming an address, changing it, resetting a password.'],
  ['Audit', 'Who did what.'],
  ['Gateway', 'Routes to APIs that Tollgate stands in front of.'],
  ['Service keys', 'Keys of your own back ends: with their scopes they act for any organization.'],
  ['Administration', 'For those who run this deployment.'],
] as const

const documents = new WeakMap<Config, OpenApiDocument>()

/** The document of all routes, built from their declarations, once per isolate. */
export function openApiDocument(app: OpenAPIHono<ManagementEnv>, config: Config): OpenApiDocument {
  const known = documents.get(config) ?? makeDocument(app, config)
  documents.set(config, known)
  return known
}

function makeDocument(app: OpenAPIHono<ManagementEnv>, config: Config): OpenApiDocument {
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Tollgate',
      version: VERSION,
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    servers: [{ url: config.PUBLIC_URL }],
    tags: TAGS.map(([name, description]) => ({ name, description })),
  })
  document.components = {
    ...document.components,
    securitySchemes: {
      bearer: { type: 'http', scheme: 'bearer', description: "A user's access token, or an API key." },
      apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
    },
  }
  nameSchemas(document)
  addExamples(document)
  return document
}

/** Paths outside the documented API. */
const OTHERS: Readonly<Record<string, string[]>> = {
  '/health': ['GET'],
  '/health/live': ['GET'],
  '/health/ready': ['GET'],
  '/metrics': ['GET'],
  '/mcp': ['POST'],
  '/device': ['GET'],
  '/openapi.json': ['GET'],
  '/.well-known/jwks.json': ['GET'],
  '/docs': ['GET'],
  '/account/sign-in': ['GET'],
  '/account/verify-email': ['GET'],
  '/account/reset-password': ['GET'],
  '/account/confirm-email': ['GET'],
  '/account/accept-invitation': ['GET'],
  '/': ['GET'],
}

/** @returns the methods of a path, as `Allow` lists them (RFC 9110 §10.2.1); none if the path does not exist */
export function allowedMethods(app: OpenAPIHono<ManagementEnv>, path: string): string[] {
  const methods =
    OTHERS[path] ??
    app.openAPIRegistry.definitions.flatMap((definition) =>
      definition.type === 'route' && matches(definition.route.path, path)
        ? [definition.route.method.toUpperCase()]
        : [],
    )
  return methods.includes('GET') ? [...methods, 'HEAD'] : methods
}

/** Whether a path such as `/keys/1` matches a template such as `/keys/{id}`. */
function matches(template: string, path: string): boolean {
  const [expected, actual] = [template.split('/'), path.split('/')]
  return expected.length === actual.length && expected.every((part, at) => part.startsWith('{') || part === actual[at])
}
