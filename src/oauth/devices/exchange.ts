import type { ManagementDeps } from '../../deps.ts'
import { sha256 } from '../../lib/bytes.ts'
import type { ClientRow } from '../clients/queries.ts'
import { createGrant } from '../create-grant.ts'
import { OAuthError } from '../error.ts'
import { repeat } from '../grant.ts'
import { findGrant } from '../queries.ts'
import { type DeviceRow, findDevice, isUnused, noteQuestion, useDevice } from './queries.ts'

const MAX_INTERVAL_SECONDS = 60
/** How much earlier than allowed a poll may come: network delays vary. */
const LENIENCY_MS = 1_000

/** How long after its code has expired a device can still fetch a decision that was made in time. */
const GRACE_MS = 10 * 60_000

const REFUSED = 'The device code is unknown, or of another application, or what it stood for has ended.'

/**
 * Issues tokens to a device whose user consented (RFC 8628 §3.4). The response can be lost, so it is repeated until the application refreshes the tokens.
 *
 * @throws OAuthError `authorization_pending`, `slow_down`, `access_denied`, `expired_token`, `invalid_grant`
 */
export async function exchangeDeviceCode(
  deps: ManagementDeps,
  client: ClientRow,
  form: Readonly<Record<string, string>>,
) {
  const device = await findDevice(deps.db, sha256(form.device_code ?? ''))
  if (device?.clientId !== client.id) throw new OAuthError('invalid_grant', REFUSED)
  if (device.decision === 'deny') throw new OAuthError('access_denied', 'The person did not allow it.')
  if (readExpiry(device) <= deps.now()) throw new OAuthError('expired_token', 'The code has expired; begin again.')
  const { organizationId, userId } = device
  if (organizationId === null || userId === null) return keepWaiting(deps, device)
  if (device.grantId !== null) return repeatFirst(deps, client, device.grantId)
  const { deviceHash, scopes, resource } = device
  const answer = await createGrant(deps, {
    client,
    agreed: { organizationId, userId, scopes, resource },
    use: { isUnused: isUnused(deviceHash), mark: (grantId) => useDevice(deps.db, deviceHash, grantId) },
  })
  return answer ?? afterRace(deps, client, deviceHash)
}

/** In Unix milliseconds. */
const readExpiry = ({ expiresAt, decision }: DeviceRow) => expiresAt.getTime() + (decision === null ? 0 : GRACE_MS)

/** @throws OAuthError; a device that polls too often must wait five seconds longer from then on (§3.5) */
async function keepWaiting(deps: ManagementDeps, device: DeviceRow): Promise<never> {
  const { askedAt, intervalSeconds } = device
  const sinceMs = askedAt === null ? Number.POSITIVE_INFINITY : deps.now() - askedAt.getTime()
  const isTooSoon = sinceMs < intervalSeconds * 1_000 - LENIENCY_MS
  const seconds = isTooSoon ? Math.min(intervalSeconds + 5, MAX_INTERVAL_SECONDS) : intervalSeconds
  await noteQuestion(deps.db, device, { askedAt: new Date(deps.now()), intervalSeconds: seconds })
  if (isTooSoon) throw new OAuthError('slow_down', `Ask every ${seconds} s.`)
  throw new OAuthError('authorization_pending', 'Nobody has decided yet.')
}

/** A concurrent poll of the same device came first, or the user has lost the right to consent. */
async function afterRace(deps: ManagementDeps, client: ClientRow, deviceHash: Uint8Array) {
  const device = await findDevice(deps.db, deviceHash)
  if (!device?.grantId) throw new OAuthError('invalid_grant', REFUSED)
  return repeatFirst(deps, client, device.grantId)
}

async function repeatFirst(deps: ManagementDeps, client: ClientRow, grantId: string) {
  const found = await findGrant(deps.db, grantId)
  if (!found?.isLive || found.grant.generation !== 0) throw new OAuthError('invalid_grant', REFUSED)
  return repeat(deps, client, found)
}
