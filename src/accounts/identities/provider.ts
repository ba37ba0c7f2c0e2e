import type { Config } from '../../config.ts'
import type { SignInProvider } from '../../config-providers.ts'
import type { ManagementDeps } from '../../deps.ts'
import { connectionIdIn, loadConnection } from '../sso/connection.ts'

export const findConfigured = (config: Config, id: string): SignInProvider | undefined =>
  config.SIGN_IN_PROVIDERS.find((one) => one.id === id)

/** Finds the current provider of an attempt: in the settings, or an organization's own. `undefined` if it is gone. */
export async function findProvider(deps: ManagementDeps, id: string): Promise<SignInProvider | undefined> {
  const connectionId = connectionIdIn(id)
  return connectionId === undefined ? findConfigured(deps.config, id) : loadConnection(deps, connectionId)
}
