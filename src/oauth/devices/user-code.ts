import { randomBytes } from '../../lib/bytes.ts'

/** Consonants that are not taken for each other and make no words (RFC 8628 §6.1). */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ'
const LENGTH = 8

/** A code of eight letters, 34 bits: whoever guesses may do so thirty times in ten minutes, and a code is good for a quarter of an hour. */
export function newUserCode(): string {
  let code = ''
  while (code.length < LENGTH)
    for (const byte of randomBytes(LENGTH)) if (byte < 240 && code.length < LENGTH) code += LETTERS[byte % 20]
  return code
}

/** As it is shown: `BCDF-GHJK`. */
export const showUserCode = (code: string) => `${code.slice(0, LENGTH / 2)}-${code.slice(LENGTH / 2)}`

/** What somebody entered, in any case and with anything between the letters. */
export const readUserCode = (entered: string) => entered.toUpperCase().replaceAll(/[^A-Z]/g, '')
