import * as z from 'zod'
import { Assertion } from '../passkeys/assertion-schema.ts'
import { password } from '../passwords/field.ts'

/** A TOTP code, or a backup code in any grouping and case. */
const code = z
  .string()
  .trim()
  .min(6)
  .max(40)
  .meta({ description: 'Six digits from the authenticator app, or a backup code.' })

/** A second factor: exactly one of the two fields. */
export const secondFactor = {
  code: code.optional(),
  passkey: Assertion.optional().meta({
    description: 'Instead of a code: the response of one of the passkeys to a challenge from `passkeys/prove`.',
  }),
}

/** An optional proof of presence: a password or a second factor. @param whose describes the password, and when it is required */
export const stepUpFields = (whose: string) => ({
  password: password.optional().meta({ description: whose }),
  code: code.optional().meta({ description: 'Alternatively, a code from your second factor.' }),
  passkey: secondFactor.passkey,
})

/** Whether a body has exactly one second factor. */
const hasOneFactor = ({ code, passkey }: { readonly code?: unknown; readonly passkey?: unknown }) =>
  (code === undefined) !== (passkey === undefined)
const ONE_FACTOR = { path: ['code'], message: 'or `passkey` is required, but not both' }

export const optionalPassword = password
  .optional()
  .meta({ description: 'Required if the sign-in is older than 15 minutes.' })

export const SetUp = z.strictObject({ password: optionalPassword })
export const SetUpAnswer = z
  .object({
    secret: z.string().meta({ description: 'Base32, for manual entry.' }),
    otpauth_uri: z.string(),
    qr_svg: z.string().meta({ description: 'The URI as a QR code, an SVG.' }),
  })
  .meta({ id: 'TwoFactorSetup' })

/** A second factor, and the password if the sign-in is too old. */
export const FactorProof = z
  .strictObject({ ...secondFactor, password: optionalPassword })
  .refine(hasOneFactor, ONE_FACTOR)
  .meta({ id: 'SecondFactorProof', example: { code: '492039' } })
export const BackupCodes = z
  .object({
    backup_codes: z
      .array(z.string())
      .meta({ description: 'Ten codes, each usable once. Only this response contains them.' }),
  })
  .meta({ id: 'BackupCodes' })

/** Omitted only by users without a password. */
export const passwordIfAny = password.optional().meta({
  description: 'The current password. An account without one must have signed in within the last 15 minutes instead.',
})

export const Disable = z
  .strictObject({ ...secondFactor, password: passwordIfAny })
  .refine(hasOneFactor, ONE_FACTOR)
  .meta({ example: { code: '492039', password: 'correct horse battery' } })

const challengeToken = z.string().min(1).max(512)
export const BeginPasskey = z.strictObject({ challenge_token: challengeToken })
export const Complete = z
  .strictObject({
    challenge_token: challengeToken,
    code: code.optional(),
    passkey: Assertion.optional().meta({
      description: 'Instead of a code: the response of one of the passkeys to a challenge from `2fa/passkey`.',
    }),
  })
  .refine(hasOneFactor, ONE_FACTOR)
  .meta({ example: { challenge_token: 'ch_x5kQ2m8n', code: '492039' } })

export const Challenge = z
  .object({
    two_factor_required: z.literal(true),
    challenge_token: z.string(),
    expires_in: z.int(),
    methods: z.array(z.enum(['app', 'passkey', 'backup_code'])).meta({ description: 'What can be given.' }),
  })
  .meta({ id: 'LoginChallenge' })
