import type { Deps } from '../../deps.ts'
import { Problem } from '../../problems.ts'
import { isBreachedPassword } from './breached.ts'
import { isCommonPassword } from './common.ts'
import { passwordFlaw } from './rules.ts'

/**
 * Refuses a password that is too short, made of what is known of the person, among the commonest, or, where that check is
 * configured, known from a breach. Registration, change and reset all ask here.
 *
 * @param field the member of the body that holds it
 * @throws Problem `invalid_request` naming the field
 */
export async function requireStrongPassword(deps: Deps, password: string, email: string, field: string): Promise<void> {
  const flaw =
    passwordFlaw(password, { email, productName: deps.config.SERVICE_NAME }) ??
    ((await isCommonPassword(password)) ? 'is among the commonest passwords, the first that are guessed' : undefined) ??
    ((await isBreachedPassword(deps, password)) ? 'is known from a breach of another service' : undefined)
  if (flaw) throw new Problem('invalid_request', { errors: [{ path: `body.${field}`, message: flaw }] })
}
