/** WHATWG's "valid email address" (HTML, input type=email), with the lengths of RFC 5321 and a domain that has a dot. */
const LOCAL_PART = /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}$/i
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const MAX_LENGTH = 254

/**
 * Normalizes an email address to the one form in which it is stored and compared: lower case, and an international
 * domain in its ASCII form (UTS #46, by `URL`). It is checked before it is folded: U+212A (the Kelvin sign) is not a
 * `k`.
 *
 * @returns undefined if the text is not an address
 */
export function parseEmailAddress(text: string): string | undefined {
  const trimmed = text.trim()
  const at = trimmed.lastIndexOf('@')
  const [localPart, domain] = [trimmed.slice(0, at), toAsciiDomain(trimmed.slice(at + 1))]
  if (at < 1 || !LOCAL_PART.test(localPart) || domain === undefined) return undefined
  const address = `${localPart.toLowerCase()}@${domain}`
  return address.length <= MAX_LENGTH ? address : undefined
}

/** @returns a domain in the form of stored addresses; undefined for text that is not the domain of an address */
export const parseEmailDomain = (text: string) => toAsciiDomain(text.trim())

/** The domain of a stored address. */
export const emailDomain = (address: string) => address.slice(address.lastIndexOf('@') + 1)

function toAsciiDomain(domain: string): string | undefined {
  if (/[^\p{L}\p{M}\p{N}.-]/u.test(domain)) return undefined // URL would accept ports, paths and escapes
  if ([...domain].some(isLookAlike)) return undefined
  const ascii = URL.parse(`https://${domain}`)?.hostname
  const labels = ascii?.split('.') ?? []
  const isDomain = labels.length > 1 && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '')
  return isDomain ? ascii : undefined
}

/** Letters that `URL` folds to ASCII ones, such as U+212A to `k` and full-width forms. */
const isLookAlike = (letter: string) => letter > '\u007f' && /^[\w.-]+$/.test(letter.normalize('NFKC').toLowerCase())
