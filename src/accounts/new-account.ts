import { FIRST_PLAN } from '../db/schema/shapes.ts'
import { slugFor } from '../lib/slug.ts'
import { uuidv7 } from '../lib/uuid.ts'

export interface Person {
  readonly email: string
  /** Absent for an account that has no password yet. */
  readonly passwordHash?: string
  readonly name?: string | null | undefined
  /** The name of their first organization. Defaults to a personal one. */
  readonly organization?: string | undefined
  /** Set if they have already proved that they own the address. */
  readonly emailVerifiedAt?: Date
  /** False if somebody else created the account for them. */
  readonly isSelfRegistered?: boolean
}

/** The rows of an account: a user, and the organization that the user owns. @param at Unix milliseconds */
export function newAccount(person: Person, at: number) {
  const {
    email,
    passwordHash = null,
    name = null,
    organization,
    emailVerifiedAt = null,
    isSelfRegistered = true,
  } = person
  const organizationName = organization ?? name ?? email.slice(0, email.indexOf('@'))
  const createdAt = new Date(at)
  return {
    user: {
      id: uuidv7(at),
      email,
      name,
      passwordHash,
      emailVerifiedAt,
      isSelfRegistered,
      createdAt,
      updatedAt: createdAt,
    },
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
