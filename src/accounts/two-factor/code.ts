import { audited } from '../../audit/record.ts'
import { runBatch } from '../../db/batch.ts'
import type { ManagementDeps } from '../../deps.ts'
import { fromBase64, sha256 } from '../../lib/bytes.ts'
import { unseal } from '../../lib/seal.ts'
import { matchingStep } from '../../lib/totp.ts'
import { readTypedCode } from '../../lib/typed-code.ts'
import { notice } from '../../mail/notice.ts'
import type { NoticeKind } from '../../mail/templates/notices.ts'
import { Problem } from '../../problems.ts'
import { selectProfile } from '../queries.ts'
import type { Proof } from './proof.ts'
import { claimAttempt, findTotp, hasBackupCode, useBackupCode, useTotpStep } from './queries.ts'
import { describePurpose } from './totp-purpose.ts'

/**
 * Whether the text can be a code at all: six digits, or a backup code. Anything else is a typing error, not an attempt.
 */
const mayBeCode = (code: string) => /^(\d{6}|[a-z0-9]{10,})$/.test(code)

/**
 * Checks a code of the user's second factor: a TOTP code, or a backup code, each usable once. Every attempt is counted before it
 * is checked. The owner is notified when the factor is locked.
 *
 * @returns `undefined` for a wrong code
 * @throws Problem `two_factor_locked` after ten wrong codes in a row, for a while
 */
export async function verifyCode(deps: ManagementDeps, userId: string, typed: string): Promise<Proof | undefined> {
  const code = readTypedCode(typed)
  if (!mayBeCode(code)) return undefined
  const isLast = await countAttempt(deps, userId)
  const proof = /^\d{6}$/.test(code) ? await proveTotp(deps, userId, code) : await proveBackupCode(deps, userId, code)
  if (!proof && isLast) await notifyLocked(deps, userId)
  return proof
}

/** For enabling: requires a code of the new secret. It counts like any other attempt. */
export async function requireTotp(deps: ManagementDeps, userId: string, typed: string): Promise<Proof> {
  const code = readTypedCode(typed)
  if (!/^\d{6}$/.test(code)) throw new Problem('invalid_code')
  await countAttempt(deps, userId)
  const proof = await proveTotp(deps, userId, code)
  if (!proof) throw new Problem('invalid_code')
  return proof
}

/** Creates an email to a user about their second factor. */
export async function noticeTo(deps: ManagementDeps, userId: string, kind: NoticeKind) {
  const profile = await selectProfile(deps.db, userId, null)
  if (!profile) throw new Problem('unauthenticated')
  return notice(deps, profile, kind)
}

async function notifyLocked(deps: ManagementDeps, userId: string): Promise<void> {
  const mail = await noticeTo(deps, userId, 'two_factor_locked')
  await runBatch(deps.db, {
    audit: audited(deps, {
      action: 'two_factor.locked',
      actor: userId,
      result: 'failure',
      target: { type: 'user', id: userId },
    }),
    mail: mail.insert,
  })
  mail.send()
}

/** @returns whether this attempt locks the factor if it fails */
async function countAttempt(deps: ManagementDeps, userId: string): Promise<boolean> {
  const now = deps.now()
  const { mayTry, isLast, lockedUntil } = await claimAttempt(deps.db, userId, new Date(now))
  if (mayTry) return isLast
  const seconds = Math.max(1, Math.ceil(((lockedUntil?.getTime() ?? now) - now) / 1000))
  throw new Problem('two_factor_locked', { headers: { 'Retry-After': String(seconds) } })
}

async function proveTotp(deps: ManagementDeps, userId: string, code: string): Promise<Proof | undefined> {
  const known = await findTotp(deps.db, userId)
  if (!known?.secretEncrypted) return undefined
  const secret = fromBase64(await unseal(deps.config, describePurpose(userId), known.secretEncrypted))
  const step = matchingStep(secret, code, deps.now())
  if (step === undefined || step <= (known.lastStep ?? -1)) return undefined
  return { by: 'code', statements: [useTotpStep(deps.db, userId, step)], notify: () => undefined }
}

async function proveBackupCode(deps: ManagementDeps, userId: string, code: string): Promise<Proof | undefined> {
  const hash = sha256(code)
  if (!(await hasBackupCode(deps.db, userId, hash))) return undefined
  const mail = await noticeTo(deps, userId, 'backup_code_used')
  const use = useBackupCode(deps.db, userId, hash, new Date(deps.now()))
  return { by: 'code', statements: [use, mail.insert], notify: mail.send }
}
