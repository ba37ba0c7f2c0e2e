import type { Deps } from '../../deps.ts'
import { Problem } from '../../problems.ts'
import { isBreachedPassword } from './breached.ts'
import { isCommonPassword } from './common.ts'
import { passwordFlaw } from './rules.ts'

/**
 * Refuses a password that is too short, derived from the person's data, among the most common, or, if that check is
 * configured, known from a breach. Registration, change and reset all call it.
 *
 * @param field the field of the body that contains it
 * @throws Problem `invalid_request` naming the field
 */
export async function requireStrongPassword(deps: Deps, password: string, email: string, field: string): Promise<void> {
  const flaw =
    passwordFlaw(password, { email, productName: deps.config.SERVICE_NAME }) ??
    ((await isCommonPassword(password)) ? 'is among the most common passwords, which are guessed first' : undefined) ??
    ((await isBreachedPassword(deps, password)) ? 'is known from a breach of another service' : undefined)
  if (flaw) throw new Problem('invalid_request', { errors: [{ path: `body.${field}`, message: flaw }] })
}
