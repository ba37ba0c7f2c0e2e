import { toStep, totp } from '../../src/lib/totp.ts'
import { call, newUser } from './http.ts'

/** The code an authenticator app shows at this moment, for a base32 secret. */
export function codeOf(secret: string, at = Date.now()): string {
  const bits = [...secret]
    .map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'))
    .join('')
  const bytes = Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2))
  return totp(bytes, toStep(at))
}

/** Enables a user's second factor. @returns the secret of their app, and their ten unused backup codes */
export async function switchOnTwoFactor({ token }: { readonly token: string }) {
  const { body: setup } = await call('POST /api/v1/auth/2fa/setup', { token })
  const { body } = await call('POST /api/v1/auth/2fa/enable', { token, body: { code: codeOf(setup.secret) } })
  return { secret: setup.secret as string, backupCodes: body.backup_codes as [string, string, string] }
}

/** Somebody with a second factor. */
export async function newTwoFactorUser() {
  const user = await newUser()
  return { ...user, ...(await switchOnTwoFactor(user)) }
}
