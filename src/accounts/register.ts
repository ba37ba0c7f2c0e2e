import type * as z from 'zod'
import { brokenConstraint } from '../db/client.ts'
import type { ManagementDeps } from '../http/management-env.ts'
import { base62 } from '../lib/base62.ts'
import { randomBytes } from '../lib/bytes.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { addressOf, spend } from '../limits/policies.ts'
import { Problem } from '../problems.ts'
import { hashPassword } from './passwords.ts'
import { insertUser, selectProfile } from './queries.ts'
import { passwordFlaw } from './rules.ts'
import type { Registration } from './schemas.ts'
import { toUser } from './user.ts'

/** The plan of an organization that has bought nothing. */
const FIRST_PLAN = 'free'

/**
 * Makes an account and an organization that it owns.
 *
 * @throws Problem `rate_limited` before anything is hashed, `invalid_request` for a weak password, `email_taken`
 */
export async function register(deps: ManagementDeps, request: z.output<typeof Registration>) {
  await spend(deps, { register_address: { address: addressOf(deps) } })
  refuseWeakPassword(deps, request.password, request.email, 'password')

  const [userId, organizationId] = [uuidv7(deps.now()), uuidv7(deps.now())]
  const name = request.organization ?? request.name ?? request.email.slice(0, request.email.indexOf('@'))
  const user = {
    id: userId,
    email: request.email,
    name: request.name ?? null,
    passwordHash: hashPassword(request.password),
  }
  const organization = {
    id: organizationId,
    name,
    slug: slugFor(name),
    planId: FIRST_PLAN,
    isPersonal: !request.organization,
  }
  try {
    await insertUser(deps.db, { user, organization })
  } catch (error) {
    if (brokenConstraint(error) === 'users_email_unique') throw new Problem('email_taken')
    throw error
  }
  return toUser(await selectProfile(deps.db, userId, organizationId))
}

/** @throws Problem `invalid_request` naming the field */
export function refuseWeakPassword(deps: ManagementDeps, password: string, email: string, field: string): void {
  const flaw = passwordFlaw(password, { email, productName: deps.config.SERVICE_NAME })
  if (flaw) throw new Problem('invalid_request', { errors: [{ path: `body.${field}`, message: flaw }] })
}

/** A readable slug that no other organization has: the random tail spares asking and a race. */
function slugFor(name: string): string {
  const readable = name
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40)
  return `${readable || 'org'}-${base62(randomBytes(5), 7).toLowerCase()}`
}
