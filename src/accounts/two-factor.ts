import { audited } from '../audit/record.ts'
import type { ManagementDeps } from '../http/management-env.ts'
import type { UserPrincipal } from '../http/principal.ts'
import { base64url, randomBytes, sha256 } from '../lib/bytes.ts'
import { seal, unseal } from '../lib/seal.ts'
import { base32, matchingStep } from '../lib/totp.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { Problem } from '../problems.ts'
import {
  claimAttempt,
  enableTotp,
  endOtherSessions,
  findTotp,
  removeTwoFactor,
  replaceBackupCodes,
  upsertPendingTotp,
  useBackupCode,
  useTotpStep,
} from './two-factor-queries.ts'

/** RFC 4226 §4 R6 asks for 160 bits with HMAC-SHA-1. */
const SECRET_BYTES = 20
const BACKUP_CODES = 10
/** 120 bits each: at that size a plain hash at rest is enough (ASVS 6.5.2). */
const BACKUP_CODE_BYTES = 15

const purposeOf = (userId: string) => `totp:${userId}`

/**
 * Makes a TOTP secret that is in force once `enableTwoFactor` has seen a code of it.
 *
 * @throws Problem `two_factor_already_enabled`
 */
export async function setUpTwoFactor(deps: ManagementDeps, userId: string, email: string) {
  const secret = randomBytes(SECRET_BYTES)
  const sealed = await seal(deps.config.SECRET_KEY, purposeOf(userId), base64url(secret))
  if (!(await upsertPendingTotp(deps.db, userId, sealed))) throw new Problem('two_factor_already_enabled')
  const { renderSVG } = await import('uqr')
  const issuer = encodeURIComponent(deps.config.SERVICE_NAME)
  const otpauth_uri = `otpauth://totp/${issuer}:${encodeURIComponent(email)}?secret=${base32(secret)}&issuer=${issuer}`
  return { secret: base32(secret), otpauth_uri, qr_svg: renderSVG(otpauth_uri) }
}

/**
 * Switches the second factor on, ends the user's other sessions, and gives the backup codes, this once.
 *
 * @throws Problem `two_factor_not_set_up`, `two_factor_already_enabled`, `invalid_code`, `two_factor_locked`
 */
export async function enableTwoFactor(deps: ManagementDeps, user: UserPrincipal, code: string): Promise<string[]> {
  const known = await findTotp(deps.db, user.userId)
  if (!known) throw new Problem('two_factor_not_set_up')
  if (known.enabledAt) throw new Problem('two_factor_already_enabled')
  await requireTotp(deps, user.userId, code)
  const now = new Date(deps.now())
  const { codes, rows } = newBackupCodes(deps, user.userId)
  await deps.db.batch([
    enableTotp(deps.db, user.userId, now),
    ...replaceBackupCodes(deps.db, rows),
    endOtherSessions(deps.db, user, 'two_factor_changed', now),
    audited(deps, { act: 'two_factor.enabled', actor: user, organizationId: user.organizationId }),
  ])
  return codes
}

/** Takes the second factor away, after its own code, and ends the user's other sessions. */
export async function disableTwoFactor(deps: ManagementDeps, user: UserPrincipal, code: string): Promise<void> {
  await requireSecondFactor(deps, user.userId, code)
  await deps.db.batch([
    ...removeTwoFactor(deps.db, user.userId),
    endOtherSessions(deps.db, user, 'two_factor_changed', new Date(deps.now())),
    audited(deps, { act: 'two_factor.disabled', actor: user, organizationId: user.organizationId }),
  ])
}

/** New backup codes in the place of the old ones, which are good for nothing from then on. */
export async function renewBackupCodes(deps: ManagementDeps, user: UserPrincipal, code: string): Promise<string[]> {
  await requireSecondFactor(deps, user.userId, code)
  const { codes, rows } = newBackupCodes(deps, user.userId)
  await deps.db.batch([
    ...replaceBackupCodes(deps.db, rows),
    audited(deps, { act: 'two_factor.backup_codes_renewed', actor: user, organizationId: user.organizationId }),
  ])
  return codes
}

/** @throws Problem `invalid_code` unless the code is the user's second factor, `two_factor_locked`, `two_factor_not_enabled` */
export async function requireSecondFactor(deps: ManagementDeps, userId: string, code: string): Promise<void> {
  const known = await findTotp(deps.db, userId)
  if (!known?.enabledAt) throw new Problem('two_factor_not_enabled')
  if (!(await verifySecondFactor(deps, userId, code))) throw new Problem('invalid_code')
}

/**
 * Whether this is the user's second factor: a TOTP code, or a backup code. Each is good once, also when it is sent many
 * times at once. Every attempt counts before it is looked at.
 *
 * @throws Problem `two_factor_locked` after ten wrong codes in a row, for a while
 */
export async function verifySecondFactor(deps: ManagementDeps, userId: string, code: string): Promise<boolean> {
  await countAttempt(deps, userId)
  if (/^\d{6}$/.test(code)) return isTotp(deps, userId, code)
  return useBackupCode(deps.db, userId, sha256(normalized(code)), new Date(deps.now()))
}

/** For enabling: only a code of the new secret will do, and it counts like any other attempt. */
async function requireTotp(deps: ManagementDeps, userId: string, code: string): Promise<void> {
  await countAttempt(deps, userId)
  if (!(await isTotp(deps, userId, code))) throw new Problem('invalid_code')
}

async function countAttempt(deps: ManagementDeps, userId: string): Promise<void> {
  const now = deps.now()
  const { mayTry, lockedUntil } = await claimAttempt(deps.db, userId, new Date(now))
  if (mayTry) return
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

function newBackupCodes(deps: ManagementDeps, userId: string) {
  const codes = Array.from({ length: BACKUP_CODES }, () => readable(base32(randomBytes(BACKUP_CODE_BYTES))))
  const rows = codes.map((code) => ({ id: uuidv7(deps.now()), codeHash: sha256(normalized(code)) }))
  return { codes, rows: { userId, codes: rows } }
}

/** In groups of six, lower case: a person types it from paper. */
const readable = (code: string) => (code.toLowerCase().match(/.{6}/g) ?? []).join('-')
const normalized = (code: string) => code.toLowerCase().replaceAll(/[\s-]/g, '')

const fromBase64url = (text: string) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0))
