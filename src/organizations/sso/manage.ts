import type * as z from 'zod'
import { callbackUrl } from '../../accounts/identities/authorize.ts'
import { openServer } from '../../accounts/identities/server.ts'
import { sealSecret, toProvider } from '../../accounts/sso/connection.ts'
import { audited } from '../../audit/record.ts'
import type { UserPrincipal } from '../../auth/principal.ts'
import { runBatch } from '../../db/batch.ts'
import type { ManagementDeps } from '../../deps.ts'
import { findTargetFlaw } from '../../events/target-rules.ts'
import { errorFields, log } from '../../lib/log.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { enforceRateLimits } from '../../limits/endpoint-limits.ts'
import { Problem } from '../../problems.ts'
import { buildLockSteps } from '../lock-steps.ts'
import { deleteSso, findSso, type SsoRow, upsertSso } from './queries.ts'
import type { Sso, SsoSettings } from './schemas.ts'

/** Serializes a single sign-on connection. */
export function toSso(deps: ManagementDeps, row: SsoRow): z.output<typeof Sso> {
  return {
    id: row.id,
    issuer: row.issuer,
    client_id: row.clientId,
    join_role: row.joinRole,
    required: row.isRequired,
    redirect_uri: callbackUrl(deps),
    last_used_at: row.lastUsedAt?.toISOString() ?? null,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  }
}

/** @throws Problem `sso_not_found` */
export async function getSso(deps: ManagementDeps, organizationId: string): Promise<SsoRow> {
  const row = await findSso(deps.db, organizationId)
  if (!row) throw new Problem('sso_not_found')
  return row
}

/**
 * Sets up or changes an organization's single sign-on. A new provider must respond now, and somebody must have signed in with it
 * before it can be required.
 *
 * @throws Problem `invalid_request` naming `issuer` or `client_secret`; `sso_not_tested`; `rate_limited`
 */
export async function putSso(
  deps: ManagementDeps,
  user: UserPrincipal,
  organizationId: string,
  settings: Settings,
): Promise<SsoRow> {
  await enforceRateLimits(deps, { sso_change_organization: { account: organizationId } })
  const before = await findSso(deps.db, organizationId)
  const isSame = before?.issuer === settings.issuer && before.clientId === settings.client_id
  if (settings.required && !(isSame && before.lastUsedAt)) throw new Problem('sso_not_tested')
  const row = await toRow(deps, organizationId, { before, isSame, settings })
  if (!isSame) await requireProvider(deps, settings)
  const { client_secret: secret, ...shown } = settings
  await runBatch(deps.db, {
    ...buildLockSteps(deps, user, organizationId, 'owners:write'),
    audit: audited(deps, {
      ...toAuditEntry(user, row),
      action: 'sso.configured',
      detail: { ...shown, is_new_secret: secret !== undefined },
    }),
    sso: upsertSso(deps.db, row),
  })
  return row
}

type Settings = Omit<z.output<typeof SsoSettings>, 'password'>

interface Change {
  readonly before: SsoRow | undefined
  /** Whether it is the same client of the same provider. */
  readonly isSame: boolean
  readonly settings: Settings
}

async function toRow(
  deps: ManagementDeps,
  organizationId: string,
  { before, isSame, settings }: Change,
): Promise<SsoRow> {
  const at = deps.now()
  const kept = isSame ? before : undefined
  return {
    id: before?.id ?? uuidv7(at),
    organizationId,
    issuer: settings.issuer,
    clientId: settings.client_id,
    clientSecretEncrypted: await chooseSecret(deps, organizationId, { given: settings.client_secret, kept }),
    joinRole: settings.join_role,
    isRequired: settings.required,
    lastUsedAt: kept?.lastUsedAt ?? null,
    createdAt: before?.createdAt ?? new Date(at),
    updatedAt: new Date(at),
  }
}

/** Nobody can sign in this way any more. Members stay, and sessions last until they end. @throws Problem `sso_not_found` */
export async function removeSso(deps: ManagementDeps, user: UserPrincipal, organizationId: string): Promise<void> {
  const row = await getSso(deps, organizationId)
  await runBatch(deps.db, {
    ...buildLockSteps(deps, user, organizationId, 'owners:write'),
    audit: audited(deps, { ...toAuditEntry(user, row), action: 'sso.removed', detail: { issuer: row.issuer } }),
    sso: deleteSso(deps.db, organizationId),
  })
}

interface Secrets {
  readonly given: string | undefined
  readonly kept: SsoRow | undefined
}

async function chooseSecret(
  deps: ManagementDeps,
  organizationId: string,
  { given, kept }: Secrets,
): Promise<Uint8Array> {
  if (given !== undefined) return sealSecret(deps, organizationId, given)
  if (kept) return kept.clientSecretEncrypted
  const message = 'is required with a new issuer or client'
  throw new Problem('invalid_request', { errors: [{ path: 'body.client_secret', message }] })
}

/** Never sends the secret to a non-public address, and detects a misspelled issuer immediately. */
async function requireProvider(deps: ManagementDeps, { issuer, client_id: clientId }: Settings) {
  const flaw = findTargetFlaw(issuer, deps.config.PUBLIC_URL)
  if (flaw) throw new Problem('invalid_request', { errors: [{ path: 'body.issuer', message: flaw }] })
  try {
    await openServer(deps, toProvider({ id: 'new', issuer, clientId, clientSecret: '' }))
  } catch (error) {
    log('warn', 'identity_provider_failed', { provider: 'sso', step: 'metadata', ...errorFields(error) })
    const message = 'does not answer with the metadata of an OpenID provider of this name'
    throw new Problem('invalid_request', { errors: [{ path: 'body.issuer', message }] })
  }
}

const toAuditEntry = (user: UserPrincipal, { id, organizationId }: SsoRow) => ({
  actor: user,
  organizationId,
  target: { type: 'sso_connection', id } as const,
})
