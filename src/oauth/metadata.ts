import { parsePermission } from '../auth/roles.ts'
import type { ManagementDeps } from '../deps.ts'
import type { MCP_PATH } from '../http/challenge.ts'
import { AUTH_METHODS, GRANT_TYPES } from './clients/metadata.ts'

/** The metadata of the authorization server (RFC 8414 §2, RFC 9207 §3). */
export const serverMetadata = ({ config }: ManagementDeps) => ({
  issuer: config.PUBLIC_URL,
  authorization_endpoint: `${config.PUBLIC_URL}/oauth/authorize`,
  token_endpoint: `${config.PUBLIC_URL}/oauth/token`,
  device_authorization_endpoint: `${config.PUBLIC_URL}/oauth/device_authorization`,
  registration_endpoint: `${config.PUBLIC_URL}/oauth/register`,
  revocation_endpoint: `${config.PUBLIC_URL}/oauth/revoke`,
  introspection_endpoint: `${config.PUBLIC_URL}/oauth/introspect`,
  scopes_supported: Object.keys(config.OAUTH_SCOPES),
  response_types_supported: ['code'],
  response_modes_supported: ['query'],
  grant_types_supported: [...GRANT_TYPES, 'client_credentials'],
  code_challenge_methods_supported: ['S256'],
  token_endpoint_auth_methods_supported: AUTH_METHODS,
  revocation_endpoint_auth_methods_supported: AUTH_METHODS,
  authorization_response_iss_parameter_supported: true,
  client_id_metadata_document_supported: true,
  service_documentation: `${config.PUBLIC_URL}/docs/guides/oauth.md`,
})

/** The metadata of a protected resource of this deployment: the API, or with a path the MCP server (RFC 9728 §2). */
export const resourceMetadata = ({ config }: ManagementDeps, path: '' | typeof MCP_PATH) => ({
  resource: config.PUBLIC_URL + path,
  authorization_servers: [config.PUBLIC_URL],
  scopes_supported: Object.keys(config.OAUTH_SCOPES).filter((scope) => path === '' || parsePermission(scope)),
  bearer_methods_supported: ['header'],
  resource_documentation: path === '' ? `${config.PUBLIC_URL}/docs` : `${config.PUBLIC_URL}/docs/guides/mcp.md`,
})
