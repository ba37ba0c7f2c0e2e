import type * as z from 'zod'
import type { UserPrincipal } from '../../auth/principal.ts'
import type { ManagementDeps } from '../../deps.ts'
import { enforceRateLimits } from '../../limits/endpoint-limits.ts'
import { Problem } from '../../problems.ts'
import { describeWish, requireMayAgree } from '../consent.ts'
import type { AuthorizationRequest, DeviceDecision } from '../schemas.ts'
import { decideDevice, findWaiting } from './queries.ts'
import { readUserCode } from './user-code.ts'

/**
 * Describes the device request that waits under a code, for the page where its user decides.
 *
 * @throws Problem `device_code_unknown`, `organization_not_found`, `rate_limited`
 */
export async function describeDevice(
  deps: ManagementDeps,
  user: UserPrincipal,
  entered: string,
): Promise<z.output<typeof AuthorizationRequest>> {
  const { client, device } = await find(deps, user, entered)
  return describeWish(deps, user, { client, wish: device, redirectsTo: null })
}

/**
 * A user allows a device to act for their active organization, or declines. The device learns the decision at its next poll.
 *
 * @throws Problem as {@link describeDevice} and `requireMayAgree`; `invalid_request` for a scope that was not asked for
 */
export async function decideForDevice(
  deps: ManagementDeps,
  user: UserPrincipal,
  { user_code: entered, for: shown, decision, scope }: z.output<typeof DeviceDecision>,
): Promise<void> {
  const { device } = await find(deps, user, entered)
  const { userId } = user
  const given = scope === undefined ? device.scopes : [...new Set(scope.split(' ').filter(Boolean))]
  const foreign = given.find((one) => !device.scopes.includes(one))
  if (foreign !== undefined)
    throw new Problem('invalid_request', { errors: [{ path: 'body.scope', message: `was not asked for: ${foreign}` }] })
  const decided =
    decision === 'deny'
      ? { decision, userId, organizationId: null, scopes: device.scopes }
      : { decision, userId, organizationId: await requireMayAgree(deps, user, { scopes: given, shown }), scopes: given }
  if (!(await decideDevice(deps.db, device.userCode, new Date(deps.now()), decided)))
    throw new Problem('device_code_unknown')
}

async function find(deps: ManagementDeps, user: UserPrincipal, entered: string) {
  if (Object.keys(deps.config.OAUTH_SCOPES).length === 0) throw new Problem('not_found')
  await enforceRateLimits(deps, { oauth_device_account: { account: user.userId } })
  const found = await findWaiting(deps.db, readUserCode(entered), new Date(deps.now()))
  if (!found) throw new Problem('device_code_unknown')
  return found
}
