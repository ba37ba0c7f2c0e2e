import type { ManagementDeps } from '../deps.ts'
import { AUTH_METHODS, GRANT_TYPES } from './client.ts'

/** What clients learn of the authorization server (RFC 8414 §2, RFC 9207 §3). */
export const serverMetadata = ({ config }: ManagementDeps) => ({
  issuer: config.PUBLIC_URL,
  authorization_endpoint: `${config.PUBLIC_URL}/oauth/authorize`,
  token_endpoint: `${config.PUBLIC_URL}/oauth/token`,
  registration_endpoint: `${config.PUBLIC_URL}/oauth/register`,
  revocation_endpoint: `${config.PUBLIC_URL}/oauth/revoke`,
  introspection_endpoint: `${config.PUBLIC_URL}/oauth/introspect`,
  scopes_supported: Object.keys(config.OAUTH_SCOPES),
  response_types_supported: ['code'],
  response_modes_supported: ['query'],
  grant_types_supported: GRANT_TYPES,
  code_challenge_methods_supported: ['S256'],
  token_endpoint_auth_methods_supported: AUTH_METHODS,
  revocation_endpoint_auth_methods_supported: AUTH_METHODS,
  authorization_response_iss_parameter_supported: true,
  service_documentation: `${config.PUBLIC_URL}/docs/guides/oauth.md`,
})

/** What clients learn of Tollgate's own API as a resource (RFC 9728 §2). */
export const resourceMetadata = ({ config }: ManagementDeps) => ({
  resource: config.PUBLIC_URL,
  authorization_servers: [config.PUBLIC_URL],
  scopes_supported: Object.keys(config.OAUTH_SCOPES),
  bearer_methods_supported: ['header'],
  resource_documentation: `${config.PUBLIC_URL}/docs`,
})
