import { base62 } from '../lib/base62.ts'
import { randomBytes } from '../lib/bytes.ts'
import { uuidv7 } from '../lib/uuid.ts'

/** The plan of an organization that has bought nothing. */
export const FIRST_PLAN = 'free'

export interface Person {
  readonly email: string
  readonly passwordHash: string
  readonly name?: string | null | undefined
  /** The name of the organization they begin with; a personal one when absent. */
  readonly organization?: string | undefined
}

/** The rows of an account: a user, and the organization that they own from the start. @param at Unix milliseconds */
export function newAccount({ email, passwordHash, name = null, organization }: Person, at: number) {
  const organizationName = organization ?? name ?? email.slice(0, email.indexOf('@'))
  const createdAt = new Date(at)
  return {
    user: { id: uuidv7(at), email, name, passwordHash, createdAt, updatedAt: createdAt },
    organization: {
      id: uuidv7(at),
      name: organizationName,
      slug: slugFor(organizationName),
      planId: FIRST_PLAN,
      isPersonal: !organization,
    },
  }
}

export type NewAccount = ReturnType<typeof newAccount>

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
