import { sha256 } from './bytes.ts'

/**
 * Compares a presented secret with the expected one. The time depends on neither: hashes of equal length are compared to
 * their last byte.
 */
export function isSameSecret(presented: string, expected: string): boolean {
  const [one, other] = [sha256(presented), sha256(expected)]
  return one.reduce((difference, byte, at) => difference | (byte ^ (other[at] as number)), 0) === 0
}
