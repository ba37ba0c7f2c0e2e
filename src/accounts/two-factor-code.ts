import { audited } from '../audit/record.ts'
import type { ManagementDeps } from '../http/management-env.ts'
import { sha256 } from '../lib/bytes.ts'
import { unseal } from '../lib/seal.ts'
import { matchingStep } from '../lib/totp.ts'
import { notice } from '../mail/notice.ts'
import type { NoticeKind } from '../mail/templates/notices.ts'
import { Problem } from '../problems.ts'
import { selectProfile } from './queries.ts'
import { claimAttempt, findTotp, useBackupCode, useTotpStep } from './two-factor-queries.ts'

/** What a TOTP secret is sealed for: its user, and nobody else. */
export const purposeOf = (userId: string) => `totp:${userId}`

/**
 * A code as it is compared, however it was typed: full-width digits, spaces of every kind, dashes, dots and case make no
 * difference.
 */
export const normalizeCode = (code: string) =>
  code
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, '')

/** Whether it can be a code at all: six digits, or a backup code. Anything else is a slip of the hand, and no attempt. */
const mayBeCode = (code: string) => /^(\d{6}|[a-z0-9]{10,})$/.test(code)

/** @throws Problem `invalid_code` unless the code is the user's second factor, `two_factor_locked`, `two_factor_not_enabled` */
export async function requireSecondFactor(deps: ManagementDeps, userId: string, code: string): Promise<void> {
  const known = await findTotp(deps.db, userId)
  if (!known?.enabledAt) throw new Problem('two_factor_not_enabled')
  if (!(await verifySecondFactor(deps, userId, code))) throw new Problem('invalid_code')
}

/**
 * Whether this is the user's second factor: a TOTP code, or a backup code. Each is good once, also when it is sent many
 * times at once. Every attempt counts before it is looked at. The owner is told when a backup code was used, and when the
 * factor is locked.
 *
 * @throws Problem `two_factor_locked` after ten wrong codes in a row, for a while
 */
export async function verifySecondFactor(deps: ManagementDeps, userId: string, typed: string): Promise<boolean> {
  const code = normalizeCode(typed)
  if (!mayBeCode(code)) return false
  const isLast = await countAttempt(deps, userId)
  const isBackupCode = !/^\d{6}$/.test(code)
  const isRight = isBackupCode
    ? await useBackupCode(deps.db, userId, sha256(code), new Date(deps.now()))
    : await isTotp(deps, userId, code)
  if (isRight && isBackupCode) await tell(deps, userId, 'backup_code_used')
  if (!isRight && isLast) await tellLocked(deps, userId)
  return isRight
}

/** For enabling: only a code of the new secret will do, and it counts like any other attempt. */
export async function requireTotp(deps: ManagementDeps, userId: string, typed: string): Promise<void> {
  const code = normalizeCode(typed)
  if (!/^\d{6}$/.test(code)) throw new Problem('invalid_code')
  await countAttempt(deps, userId)
  if (!(await isTotp(deps, userId, code))) throw new Problem('invalid_code')
}

/** A mail to a user about their second factor. */
export async function noticeTo(deps: ManagementDeps, userId: string, kind: NoticeKind) {
  const profile = await selectProfile(deps.db, userId, null)
  if (!profile) throw new Problem('unauthenticated')
  return notice(deps, profile, kind)
}

async function tell(deps: ManagementDeps, userId: string, kind: NoticeKind): Promise<void> {
  const mail = await noticeTo(deps, userId, kind)
  await mail.insert
  mail.send()
}

async function tellLocked(deps: ManagementDeps, userId: string): Promise<void> {
  await audited(deps, {
    act: 'two_factor.locked',
    actor: userId,
    result: 'failure',
    target: { type: 'user', id: userId },
  })
  await tell(deps, userId, 'two_factor_locked')
}

/** @returns whether this is the attempt that locks the factor, if it fails */
async function countAttempt(deps: ManagementDeps, userId: string): Promise<boolean> {
  const now = deps.now()
  const { mayTry, isLast, lockedUntil } = await claimAttempt(deps.db, userId, new Date(now))
  if (mayTry) return isLast
  const seconds = Math.max(1, Math.ceil(((lockedUntil?.getTime() ?? now) - now) / 1000))
  throw new Problem('two_factor_locked', { headers: { 'Retry-After': String(seconds) } })
}

async function isTotp(deps: ManagementDeps, userId: string, code: string): Promise<boolean> {
  const known = await findTotp(deps.db, userId)
  if (!known) return false
  const secret = fromBase64url(await unseal(deps.config.SECRET_KEY, purposeOf(userId), known.secretEncrypted))
  const step = matchingStep(secret, code, deps.now())
  return step !== undefined && (await useTotpStep(deps.db, userId, step))
}

const fromBase64url = (text: string) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0))
