/** Forms of settings that several of them have. */
import * as z from 'zod'

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])$/

/** Plain HTTP is only for a store on the same machine. */
export const secureUrl = z.url({ protocol: /^https?$/ }).refine((text) => {
  const url = URL.parse(text) // this also runs for text that is not a URL
  return url?.protocol === 'https:' || LOOPBACK.test(url?.hostname ?? '')
}, 'must be https, except on this machine')

/** Paths are appended to it. */
export const baseUrl = secureUrl.transform((text) => text.replace(/\/+$/, ''))

/** Refuses the placeholders of the example file. */
export const credential = z
  .string()
  .min(1)
  .refine((text) => !text.startsWith('replace-'), 'is still the placeholder')

/** HS256 requires a key of at least 32 bytes (RFC 7518 §3.2). */
export const secret = credential.refine(
  (text) => new TextEncoder().encode(text).length >= 32,
  'must have at least 32 bytes',
)

/** An empty value is not zero: it is refused like any other text. */
export function wholeNumber(least: number, most: number, otherwise: number) {
  return z.coerce
    .string()
    .refine(
      (text) => /^\d+$/.test(text.trim()) && Number(text) >= least && Number(text) <= most,
      `must be a whole number from ${least} to ${most}`,
    )
    .transform(Number)
    .default(otherwise)
}

/** Off unless it is `true`; any value other than true and false is an error. */
export const flag = z
  .enum(['true', 'false'])
  .default('false')
  .transform((text) => text === 'true')
