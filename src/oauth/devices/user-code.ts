import { randomBytes } from '../../lib/bytes.ts'
import { readTypedCode } from '../../lib/typed-code.ts'

/** Consonants that are not easily confused and form no words (RFC 8628 §6.1). */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ'
const LENGTH = 8

/** A code of eight letters, 34 bits: guessing is limited to thirty tries in ten minutes, and a code is valid for a quarter of an hour. */
export function newUserCode(): string {
  let code = ''
  while (code.length < LENGTH)
    for (const byte of randomBytes(LENGTH)) if (byte < 240 && code.length < LENGTH) code += LETTERS[byte % 20]
  return code
}

/** The display form: `BCDF-GHJK`. */
export const showUserCode = (code: string) => `${code.slice(0, LENGTH / 2)}-${code.slice(LENGTH / 2)}`

/** Normalizes the entered code, which may have any case and separators. */
export const readUserCode = (entered: string) => readTypedCode(entered).toUpperCase()
