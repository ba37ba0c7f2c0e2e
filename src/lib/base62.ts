const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/**
 * Writes bytes as one big-endian number in base 62 (digits, upper case, lower case), padded with `0` on the left.
 *
 * @param length characters of the result; must fit every value of that many bytes (32 bytes need 43, 4 bytes need 6)
 */
export function base62(bytes: Uint8Array, length: number): string {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  let text = ''
  for (; value > 0n; value /= 62n) text = ALPHABET[Number(value % 62n)] + text
  return text.padStart(length, '0')
}

/** The same for an unsigned integer below 2^53, without a conversion to bytes, because it runs for every key check. */
export function base62Number(value: number, length: number): string {
  let text = ''
  for (let rest = value; rest > 0; rest = Math.floor(rest / 62)) text = ALPHABET[rest % 62] + text
  return text.padStart(length, '0')
}
