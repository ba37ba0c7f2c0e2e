import type { Config } from '../config.ts'

/** Where an application learns how to get a token for a path (RFC 9728 §3.1). */
const METADATA_PATH = '/.well-known/oauth-protected-resource'
/** The path of the MCP server, a resource of its own. */
export const MCP_PATH = '/mcp'

/** The challenge for callers without a credential (RFC 6750 §3). */
export const BEARER = 'Bearer realm="tollgate"'

/** The same, with where an application learns how to get one, if applications are allowed (RFC 9728 §5.1). */
export function challenge(base: string, path: string, config: Config | undefined): string {
  if (!config || Object.keys(config.OAUTH_SCOPES).length === 0) return base
  const metadata = path === MCP_PATH ? METADATA_PATH + MCP_PATH : METADATA_PATH
  return `${base}, resource_metadata="${config.PUBLIC_URL}${metadata}"`
}

/** The resources that this deployment itself is: a token for another service is not valid here (RFC 8707 §2). */
export const isOwnResource = (resource: string, { PUBLIC_URL }: Config) =>
  [PUBLIC_URL, `${PUBLIC_URL}/`, PUBLIC_URL + MCP_PATH].includes(resource)
