import type { ManagementDeps } from '../../deps.ts'
import { Problem } from '../../problems.ts'
import { verifyAssertion } from '../passkeys/assertion.ts'
import type { Assertion } from '../passkeys/assertion-schema.ts'
import { verifyCode } from './code.ts'
import type { Proof } from './proof.ts'
import { findTotp } from './queries.ts'

/** A presented second factor: a code, or an assertion of one of the user's passkeys. */
export interface SecondFactor {
  readonly code?: string | undefined
  readonly passkey?: Assertion | undefined
}

/**
 * Checks a user's second factor. Codes are counted, see `verifyCode`; a passkey cannot be guessed.
 *
 * @returns `undefined` if it is wrong
 * @throws Problem `two_factor_locked`
 */
export async function verifySecondFactor(
  deps: ManagementDeps,
  userId: string,
  { code, passkey }: SecondFactor,
): Promise<Proof | undefined> {
  if (passkey) return (await verifyAssertion(deps, passkey, { purpose: 'prove', userId }))?.proof
  return code === undefined ? undefined : verifyCode(deps, userId, code)
}

/**
 * @throws Problem `invalid_code` or `invalid_passkey` unless it is the user's second factor, `two_factor_locked`,
 *   `two_factor_not_enabled`
 */
export async function requireSecondFactor(deps: ManagementDeps, userId: string, factor: SecondFactor): Promise<Proof> {
  const known = await findTotp(deps.db, userId)
  if (!known?.enabledAt) throw new Problem('two_factor_not_enabled')
  const proof = await verifySecondFactor(deps, userId, factor)
  if (!proof) throw wrongFactor(factor)
  return proof
}

/** The problem for a wrong second factor. */
export const wrongFactor = ({ passkey }: SecondFactor) => new Problem(passkey ? 'invalid_passkey' : 'invalid_code')
