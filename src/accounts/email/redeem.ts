import type * as z from 'zod'
import { audited } from '../../audit/record.ts'
import { loadSession } from '../../auth/load-session.ts'
import { runBatch } from '../../db/batch.ts'
import { brokenConstraint } from '../../db/client.ts'
import { lockOwnOrganizations, lockUser, lockUserAndHolder } from '../../db/locks.ts'
import type { ManagementDeps } from '../../deps.ts'
import { published } from '../../events/publish.ts'
import { endApplications } from '../../keys/applications.ts'
import { sha256, sha256Hex } from '../../lib/bytes.ts'
import { maskEmail } from '../../lib/mask-email.ts'
import { enforceRateLimits, networkAddress } from '../../limits/endpoint-limits.ts'
import { keyVersionKey } from '../../limits/limit-request.ts'
import { publishVersions } from '../../limits/versions.ts'
import { notice } from '../../mail/notice.ts'
import { Problem } from '../../problems.ts'
import { hashPassword } from '../passwords/hash.ts'
import { requireStrongPassword } from '../passwords/policy.ts'
import { verifyPassword } from '../passwords/verify.ts'
import { clearUnconfirmed } from './clear-account.ts'
import { deleteEmailTokens, EFFECTS, endSessions, findTokenUser, redeem } from './queries.ts'
import { findHolder, releaseAddress } from './release-address.ts'
import type { EmailChangeConfirmation, EmailVerification, PasswordReset } from './schemas.ts'
import type { EmailPurpose } from './token.ts'

/**
 * Confirms the address that a token was sent to. The token proves the address alone: a stranger may have registered it, and whoever
 * opened the link would make it the stranger's account, with their password and all else that they made in it.
 *
 * @throws Problem `invalid_token`, the same for all causes; `unauthenticated`, `wrong_password`, `forbidden_while_impersonating`,
 *   `rate_limited`
 */
export async function verifyEmail(
  deps: ManagementDeps,
  { token, ...proof }: z.output<typeof EmailVerification>,
  credential: string | undefined,
): Promise<void> {
  const { user, use, entry } = await findToken(deps, 'verify', token)
  await requireHolder(deps, user, { password: proof.password, credential, detail: PROVE_REGISTRATION })
  await runBatch(deps.db, {
    lock: lockUser(deps.db, user.id),
    token: redeem(deps.db, use, EFFECTS.verify(use.now)),
    audit: audited(deps, { action: 'email.verified', ...entry }),
  })
}

/**
 * Sets a password with a token that was sent by email, and ends every session, application and other link of the user. It
 * signs nobody in, and a second factor stays enabled (ASVS 6.4.3). If the address was not confirmed before, removes
 * everything that was created until then (`clearUnconfirmed`).
 *
 * @throws Problem `invalid_token`, the same for all causes; `invalid_request` for a weak password, which does not use
 *   the token
 */
export async function resetPassword(deps: ManagementDeps, request: z.output<typeof PasswordReset>): Promise<void> {
  const { user, use, entry } = await findToken(deps, 'reset', request.token)
  await requireStrongPassword(deps, request.new_password, user.email, 'new_password')
  const passwordHash = await hashPassword(request.new_password)
  const isFirst = user.emailVerifiedAt === null
  const mail = notice(deps, user, isFirst ? 'password_reset_first' : 'password_reset')
  const done = await runBatch(deps.db, {
    locks: [lockOwnOrganizations(deps.db, user.id), lockUser(deps.db, user.id)],
    ...clearUnconfirmed(deps.db, user, use.now, (happening) => published(deps, happening)),
    token: redeem(deps.db, use, EFFECTS.reset(use.now, passwordHash)),
    tokens: deleteEmailTokens(deps.db, user.id),
    sessions: endSessions(deps.db, user.id, 'password_reset', { now: use.now }),
    applications: endApplications(deps, user.id), // a thief may have approved one
    mail: mail.insert,
    audit: audited(deps, { action: 'password.reset', ...entry, detail: { cleared: isFirst } }),
  })
  const revoked = done.revokedKeys.map(({ id, version }) => ({ name: keyVersionKey(id), version }))
  await publishVersions(deps, revoked)
  mail.send()
}

/**
 * Replaces a user's address with the one that a token was sent to, and ends the user's other sessions: all of them,
 * unless the request also presents an access token of one. An account that never confirmed the address loses it (`releaseAddress`). The token alone proves only the address: its recipient may have
 * received a link that they never requested, and would give their address to a stranger's account.
 *
 * @throws Problem `invalid_token`, the same for all causes, also if another account got the address meanwhile; `unauthenticated`,
 *   `wrong_password`, `forbidden_while_impersonating`, `rate_limited`
 */
export async function confirmEmailChange(
  deps: ManagementDeps,
  { token, password }: z.output<typeof EmailChangeConfirmation>,
  credential: string | undefined,
): Promise<void> {
  const { user, use, entry } = await findToken(deps, 'change', token)
  const except = await requireHolder(deps, user, { password, credential, detail: PROVE_CHANGE })
  const holder = await findHolder(deps.db, user.tokenEmail)
  if (holder && !holder.isReleasable) throw new Problem('invalid_token')
  const mail = notice(deps, user, 'email_changed')
  const batch = runBatch(deps.db, {
    organizations: holder && lockOwnOrganizations(deps.db, holder.id),
    lock: lockUserAndHolder(deps.db, user.id, user.tokenEmail),
    released: holder && releaseAddress(deps, { id: holder.id, email: user.tokenEmail }, use.now),
    token: redeem(deps.db, use, EFFECTS.change(use.now)),
    tokens: deleteEmailTokens(deps.db, user.id),
    sessions: endSessions(deps.db, user.id, 'email_changed', { now: use.now, except }),
    mail: mail.insert,
    audit: audited(deps, {
      action: 'email.changed',
      ...entry,
      detail: { from: maskEmail(user.email), to: maskEmail(user.tokenEmail) },
    }),
  })
  await batch.catch((error: unknown) => {
    throw brokenConstraint(error) === 'users_email_unique' ? new Problem('invalid_token') : error
  })
  mail.send()
}

/**
 * Requires a session of an account, or its password.
 *
 * @returns the id of the session; undefined if the password was used
 */
async function requireHolder(deps: ManagementDeps, user: Holder, { password, credential, detail }: HolderProof) {
  const session = credential ? await loadSession(deps, credential) : undefined
  if (session && session.impersonatorId !== null) throw new Problem('forbidden_while_impersonating')
  if (session?.userId === user.id) return session.sessionId
  if (password === undefined) throw new Problem('unauthenticated', { detail })
  await enforceRateLimits(deps, { password_change: { account: user.id } })
  if (!(await verifyPassword(password, user.passwordHash))) throw new Problem('wrong_password')
  return undefined
}

interface Holder {
  readonly id: string
  readonly passwordHash: string | null
}

interface HolderProof {
  readonly password: string | undefined
  readonly credential: string | undefined
  /** What to do without either. */
  readonly detail: string
}

const PROVE_CHANGE = 'Sign in to the account that asked for the change, or send its password along.'
const PROVE_REGISTRATION =
  'Sign in to the account that has this address, or send its password along. If somebody else made the account, reset its password.'

/**
 * Finds the user of a token; the batch uses it. Attempts are counted per network, and per token before it is known
 * whether the token exists.
 */
async function findToken(deps: ManagementDeps, purpose: EmailPurpose, token: string) {
  await enforceRateLimits(deps, {
    email_token_address: { address: networkAddress(deps) },
    email_token_token: { account: sha256Hex(token) },
  })
  const use = { purpose, tokenHash: sha256(token), now: new Date(deps.now()) }
  const user = await findTokenUser(deps.db, use)
  if (!user) throw new Problem('invalid_token')
  const entry = { actor: user.id, organizationId: user.organizationId, target: { type: 'user', id: user.id } } as const
  return { user, use, entry }
}
