import { keepAnswer } from '../../api/idempotency.ts'
import { audited } from '../../audit/record.ts'
import type { UserPrincipal } from '../../auth/principal.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import { lockUser } from '../../db/locks.ts'
import type { ManagementDeps } from '../../deps.ts'
import { base64url, randomBytes, sha256 } from '../../lib/bytes.ts'
import { lazily } from '../../lib/lazily.ts'
import { seal } from '../../lib/seal.ts'
import { base32 } from '../../lib/totp.ts'
import { readTypedCode } from '../../lib/typed-code.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { Problem } from '../../problems.ts'
import { endSessions } from '../email/queries.ts'
import { noticeTo, requireTotp } from './code.ts'
import { requireSecondFactor, type SecondFactor, verifySecondFactor, wrongFactor } from './factor.ts'
import type { Proof } from './proof.ts'
import { enablePasskeys, enableTotp, findTotp, hasNoFactor, replaceBackupCodes, upsertPendingTotp } from './queries.ts'
import { removeTwoFactor } from './remove.ts'
import { describePurpose } from './totp-purpose.ts'

const loadUqr = lazily(() => import('uqr'))

/** RFC 4226 §4 R6 recommends 160 bits with HMAC-SHA-1. */
const SECRET_BYTES = 20
const BACKUP_CODES = 10
/** 120 bits each: at that size a plain hash at rest is enough (ASVS 6.5.2). */
const BACKUP_CODE_BYTES = 15

/**
 * Creates a TOTP secret that takes effect once `enableTwoFactor` receives a code from it.
 *
 * @throws Problem `two_factor_already_enabled`
 */
export async function setUpTwoFactor(deps: ManagementDeps, userId: string, email: string) {
  const secret = randomBytes(SECRET_BYTES)
  const sealed = await seal(deps.config, describePurpose(userId), base64url(secret))
  const { renderSVG } = await loadUqr()
  const issuer = encodeURIComponent(deps.config.SERVICE_NAME)
  const otpauth_uri = `otpauth://totp/${issuer}:${encodeURIComponent(email)}?secret=${base32(secret)}&issuer=${issuer}`
  const answer = { secret: base32(secret), otpauth_uri, qr_svg: renderSVG(otpauth_uri) }
  await runBatch(deps.db, {
    lock: lockUser(deps.db, userId),
    free: requireThat(deps.db, hasNoFactor(userId), 'two_factor_already_enabled'),
    secret: upsertPendingTotp(deps.db, userId, sealed),
    answer: await keepAnswer(deps, 200, answer),
  })
  return answer
}

/**
 * Enables the second factor, ends the user's other sessions, and returns the backup codes, only once. With a code of an app that
 * was set up, the factor is that app and the user's passkeys; with a passkey, it is only passkeys.
 *
 * @throws Problem `two_factor_not_set_up`, `two_factor_already_enabled`, `invalid_code`, `invalid_passkey`, `two_factor_locked`
 */
export async function enableTwoFactor(
  deps: ManagementDeps,
  user: UserPrincipal,
  factor: SecondFactor,
): Promise<string[]> {
  const proof = await proveFirst(deps, user.userId, factor)
  const now = new Date(deps.now())
  const { codes, rows } = newBackupCodes(deps, user.userId)
  const mail = await noticeTo(deps, user.userId, 'two_factor_enabled')
  await runBatch(deps.db, {
    lock: lockUser(deps.db, user.userId),
    code: proof.statements,
    mail: mail.insert,
    free: requireThat(deps.db, hasNoFactor(user.userId), 'two_factor_already_enabled'),
    factor: (proof.by === 'passkey' ? enablePasskeys : enableTotp)(deps.db, user.userId, now),
    backupCodes: replaceBackupCodes(deps.db, rows),
    sessions: endSessions(deps.db, user.userId, 'two_factor_changed', { now, except: user.sessionId }),
    audit: audited(deps, { action: 'two_factor.enabled', actor: user, organizationId: user.organizationId }),
    answer: await keepAnswer(deps, 200, { backup_codes: codes }),
  })
  mail.send()
  return codes
}

async function proveFirst(deps: ManagementDeps, userId: string, factor: SecondFactor): Promise<Proof> {
  const known = await findTotp(deps.db, userId)
  if (known?.enabledAt) throw new Problem('two_factor_already_enabled')
  if (factor.code !== undefined) {
    if (!known) throw new Problem('two_factor_not_set_up')
    return requireTotp(deps, userId, factor.code)
  }
  const proof = await verifySecondFactor(deps, userId, factor)
  if (!proof) throw wrongFactor(factor)
  return proof
}

/** Removes the second factor, given that factor, and ends the user's other sessions. */
export async function disableTwoFactor(deps: ManagementDeps, user: UserPrincipal, factor: SecondFactor): Promise<void> {
  const proof = await requireSecondFactor(deps, user.userId, factor)
  const mail = await noticeTo(deps, user.userId, 'two_factor_disabled')
  const ending = { now: new Date(deps.now()), except: user.sessionId }
  await runBatch(deps.db, {
    mail: mail.insert,
    code: proof.statements,
    factor: removeTwoFactor(deps.db, user.userId),
    sessions: endSessions(deps.db, user.userId, 'two_factor_changed', ending),
    audit: audited(deps, { action: 'two_factor.disabled', actor: user, organizationId: user.organizationId }),
    answer: await keepAnswer(deps, 204, null),
  })
  proof.notify()
  mail.send()
}

/** Replaces the backup codes. The old codes stop working. */
export async function renewBackupCodes(
  deps: ManagementDeps,
  user: UserPrincipal,
  factor: SecondFactor,
): Promise<string[]> {
  const proof = await requireSecondFactor(deps, user.userId, factor)
  const { codes, rows } = newBackupCodes(deps, user.userId)
  const mail = await noticeTo(deps, user.userId, 'backup_codes_renewed')
  await runBatch(deps.db, {
    mail: mail.insert,
    code: proof.statements,
    backupCodes: replaceBackupCodes(deps.db, rows),
    audit: audited(deps, {
      action: 'two_factor.backup_codes_renewed',
      actor: user,
      organizationId: user.organizationId,
    }),
    answer: await keepAnswer(deps, 200, { backup_codes: codes }),
  })
  proof.notify()
  mail.send()
  return codes
}

function newBackupCodes(deps: ManagementDeps, userId: string) {
  const codes = Array.from({ length: BACKUP_CODES }, () => readable(base32(randomBytes(BACKUP_CODE_BYTES))))
  const now = deps.now()
  const rows = codes.map((code) => ({ id: uuidv7(now), codeHash: sha256(readTypedCode(code)) }))
  return { codes, rows: { userId, codes: rows } }
}

/** Formats a code in groups of six, lower case, because a person types it from paper. */
const readable = (code: string) => (code.toLowerCase().match(/.{6}/g) ?? []).join('-')
