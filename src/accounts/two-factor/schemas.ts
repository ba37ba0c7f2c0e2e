import * as z from 'zod'
import { password } from '../passwords/field.ts'

/** A TOTP code, or a backup code in any grouping and case. */
export const code = z
  .string()
  .trim()
  .min(6)
  .max(40)
  .meta({ description: 'Six digits from the authenticator app, or a backup code.' })

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

/** A code, and the password where the sign-in is too old. */
export const CodeProof = z.strictObject({ code, password: optionalPassword }).meta({ id: 'CodeProof' })
export const BackupCodes = z
  .object({
    backup_codes: z
      .array(z.string())
      .meta({ description: 'Ten codes, each usable once. Only this answer contains them.' }),
  })
  .meta({ id: 'BackupCodes' })

/** Left out only by somebody who has no password. */
export const passwordIfAny = password
  .optional()
  .meta({ description: 'The current password. An account without one needs a sign-in of the last 15 minutes instead.' })

export const Disable = z.strictObject({ password: passwordIfAny, code })
export const Complete = z.strictObject({ challenge_token: z.string().min(1).max(512), code })

export const Challenge = z
  .object({ two_factor_required: z.literal(true), challenge_token: z.string(), expires_in: z.int() })
  .meta({ id: 'LoginChallenge' })
