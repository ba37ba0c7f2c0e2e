import type { OidcProvider } from '../../config-providers.ts'
import type { ManagementDeps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'
import { seal, unseal } from '../../lib/seal.ts'
import { type ConnectionRow, findConnection } from './queries.ts'

/** The prefix of a provider id in attempts and identities that means single sign-on. No configured provider's id has a colon. */
const PREFIX = 'sso:'

const providerIdOf = (connectionId: string) => `${PREFIX}${connectionId}`

/** @returns the connection id in a provider's id; undefined for a configured provider */
export const connectionIdIn = (providerId: string): string | undefined =>
  providerId.startsWith(PREFIX) ? providerId.slice(PREFIX.length) : undefined

/** The purpose under which the client secret of an organization's connection is sealed. */
export const describePurpose = (organizationId: string) => `sso client secret of ${organizationId}`

export const sealSecret = ({ config }: ManagementDeps, organizationId: string, secret: string) =>
  seal(config, describePurpose(organizationId), secret)

interface Named {
  readonly id: string
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
}

/** Turns a connection into a provider to sign in at. */
export const toProvider = ({ id, ...rest }: Named): OidcProvider => ({
  ...rest,
  id: providerIdOf(id),
  name: 'Single sign-on',
  protocol: 'oidc',
  verifiedBy: 'issuer',
  isOfCustomer: true,
})

/** Opens the provider of a stored connection; `undefined` if its secret was sealed under a root secret that is gone. */
export async function openConnection(
  { config }: ManagementDeps,
  row: ConnectionRow,
): Promise<OidcProvider | undefined> {
  const { id, organizationId, issuer, clientId } = row
  try {
    const clientSecret = await unseal(config, describePurpose(organizationId), row.clientSecretEncrypted)
    return toProvider({ id, issuer, clientId, clientSecret })
  } catch (error) {
    log('error', 'sso_secret_not_opened', { organization_id: organizationId, ...errorFields(error) })
    return undefined
  }
}

export async function loadConnection(deps: ManagementDeps, id: string): Promise<OidcProvider | undefined> {
  const row = await findConnection(deps.db, id)
  return row && openConnection(deps, row)
}
