import * as z from 'zod'
import { MAX_BCRYPT_COST, MAX_PBKDF2_ROUNDS, MAX_SCRYPT_WORK } from '../../src/accounts/passwords/imported.ts'
import { isUsableHash } from '../../src/accounts/passwords/verify.ts'
import { email, line } from '../../src/http/fields.ts'
import { toStoredHash } from './hash-forms.ts'

/** The fields of a line. Others are refused, because a misspelled field would be lost silently. */
const Line = z.strictObject({
  email,
  /** Null for somebody without a password: they sign in with an identity provider, or set one by email. */
  password_hash: z
    .string('must be a text, or null')
    .transform(toStoredHash)
    .refine(
      isUsableHash,
      `must be bcrypt of a cost of 4 to ${MAX_BCRYPT_COST}, argon2id, scrypt of N·r·p up to 2^${Math.log2(MAX_SCRYPT_WORK)}, or PBKDF2 of up to ${MAX_PBKDF2_ROUNDS.toLocaleString('en')} rounds, in a form of docs/operate/import-users.md`,
    )
    .nullable(),
  name: line(200).nullish(),
  email_verified: z.boolean().default(false),
  created_at: z.iso
    .datetime({ offset: true })
    .refine((text) => !(Date.parse(text) > Date.now()), 'must not be in the future')
    .optional(),
  organization: line(200).nullish(),
})

export type ImportedUser = z.output<typeof Line>

/** One flaw of a line, without the content of the line. */
export interface Flaw {
  readonly field: string
  readonly message: string
}

/** Reads one line of a file: a user, or all flaws of the line. */
export function readLine(text: string): { user: ImportedUser } | { flaws: Flaw[] } {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { flaws: [{ field: 'line', message: 'is not JSON' }] }
  }
  const result = Line.safeParse(value)
  if (result.success) return { user: result.data }
  return { flaws: result.error.issues.map((issue) => ({ field: nameField(issue), message: issue.message })) }
}

const nameField = ({ path }: z.core.$ZodIssue) => path.join('.') || 'line'
