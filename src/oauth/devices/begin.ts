import type { ManagementDeps } from '../../deps.ts'
import { base64url, randomBytes, sha256 } from '../../lib/bytes.ts'
import { DEVICE_CODE } from '../clients/metadata.ts'
import type { ClientRow } from '../clients/queries.ts'
import { OAuthError } from '../error.ts'
import { readWish } from '../request.ts'
import { insertDevice } from './queries.ts'
import { newUserCode, showUserCode } from './user-code.ts'

const LIFETIME_MS = 15 * 60_000
const INTERVAL_SECONDS = 5
/** Where people enter the code. It redirects to the dashboard, and is short to type. */
const PAGE = '/device'

/**
 * A device without a browser requests authorization (RFC 8628 §3.2).
 *
 * @throws OAuthError `unauthorized_client`, `invalid_scope`, `invalid_target`
 */
export async function beginDevice(deps: ManagementDeps, client: ClientRow, form: Readonly<Record<string, string>>) {
  if (!client.devices) throw new OAuthError('unauthorized_client', `Its grant_types do not have ${DEVICE_CODE}.`)
  const { scopes, resource } = readWish(deps, form)
  const deviceCode = `odc_${base64url(randomBytes(32))}`
  const device = {
    deviceHash: sha256(deviceCode),
    clientId: client.id,
    scopes: [...scopes],
    resource,
    expiresAt: new Date(deps.now() + LIFETIME_MS),
    intervalSeconds: INTERVAL_SECONDS,
    askedAt: null,
    decision: null,
    userId: null,
    organizationId: null,
    grantId: null,
  }
  let userCode = newUserCode()
  while (!(await insertDevice(deps.db, { ...device, userCode }))) userCode = newUserCode()
  const shown = showUserCode(userCode)
  const page = deps.config.PUBLIC_URL + PAGE
  return {
    device_code: deviceCode,
    user_code: shown,
    verification_uri: page,
    verification_uri_complete: `${page}?user_code=${shown}`,
    expires_in: LIFETIME_MS / 1_000,
    interval: INTERVAL_SECONDS,
  }
}
