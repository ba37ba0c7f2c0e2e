/** An address as one number and the width of its family in bits. */
interface Address {
  readonly bits: 32 | 128
  readonly value: bigint
}

/**
 * Whether an address lies in a range. IPv4-mapped IPv6 addresses (`::ffff:192.0.2.1`, RFC 4291 §2.5.5.2) count as IPv4,
 * because the caller's network decides which of the two forms arrives, not the caller.
 *
 * @param range an address or a CIDR block (RFC 4632), such as `192.0.2.0/24` or `2001:db8::/32`
 */
export function inRange(ip: string, range: string): boolean {
  const address = parseAddress(ip)
  const block = parseRange(range)
  if (!address || !block || address.bits !== block.address.bits) return false
  const shift = BigInt(block.address.bits - block.prefix)
  return address.value >> shift === block.address.value >> shift
}

/** Whether every address of one range lies in the other. */
export function isWithin(inner: string, outer: string): boolean {
  const [small, large] = [parseRange(inner), parseRange(outer)]
  if (!small || !large || small.address.bits !== large.address.bits || small.prefix < large.prefix) return false
  const shift = BigInt(large.address.bits - large.prefix)
  return small.address.value >> shift === large.address.value >> shift
}

export function isRange(text: string): boolean {
  return parseRange(text) !== undefined
}

/**
 * The network of an address: an IPv4 address itself, or the /64 of an IPv6 one, because its user chooses the rest
 * freely.
 */
export function toNetwork(ip: string): string {
  const address = parseAddress(ip)
  if (!address) return ip
  if (address.bits === 128) return `${(address.value >> 64n).toString(16)}::/64`
  return [24n, 16n, 8n, 0n].map((shift) => (address.value >> shift) & 255n).join('.')
}

/**
 * An address in its canonical form: dotted for IPv4, also if it is mapped into IPv6, and RFC 5952 for IPv6.
 *
 * @returns `undefined` for text that is not an address
 */
export function normalizeAddress(text: string): string | undefined {
  const address = parseAddress(text)
  if (!address) return undefined
  return address.bits === 32 ? toNetwork(text) : formatV6(address.value)
}

/** RFC 5952 §4: lower case, no leading zeros, the first of the longest runs of two or more zeros left out. */
function formatV6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, at) => ((value >> BigInt(112 - 16 * at)) & 0xffffn).toString(16))
  const text = `:${groups.join(':')}:`
  const longest = [...text.matchAll(/:(?:0:){2,}/g)].map(([run]) => run).toSorted((a, b) => b.length - a.length)[0]
  if (longest === undefined) return groups.join(':')
  return text.replace(longest, '::').replace(/^:(?!:)|(?<!:):$/g, '')
}

export function isSameNetwork(one: string, other: string): boolean {
  return toNetwork(one) === toNetwork(other)
}

function parseRange(text: string) {
  const [ip = '', prefixText, ...rest] = text.split('/')
  const address = parseAddress(ip)
  if (!address || rest.length > 0) return undefined
  if (prefixText === undefined) return { address, prefix: address.bits as number }
  const mappingBits = address.bits === 32 && ip.includes(':') ? 96 : 0
  const prefix = Number(prefixText) - mappingBits
  if (!/^\d{1,3}$/.test(prefixText) || prefix < 0 || prefix > address.bits) return undefined
  return { address, prefix }
}

function parseAddress(text: string): Address | undefined {
  if (!text.includes(':')) return parseV4(text)
  const value = parseV6(text)
  if (value === undefined) return undefined
  return value >> 32n === 0xffffn ? { bits: 32, value: value & 0xffffffffn } : { bits: 128, value }
}

function parseV4(text: string): Address | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    return undefined
  return { bits: 32, value: parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n) }
}

function parseV6(text: string): bigint | undefined {
  const lastColon = text.lastIndexOf(':')
  const tail = text.slice(lastColon + 1)
  if (tail.includes('.')) {
    const v4 = parseV4(tail)
    if (!v4) return undefined
    return parseV6(
      `${text.slice(0, lastColon + 1)}${(v4.value >> 16n).toString(16)}:${(v4.value & 0xffffn).toString(16)}`,
    )
  }
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head, rest] = halves.map((half) => (half === '' ? [] : half.split(':'))) as [string[], string[] | undefined]
  const missing = 8 - head.length - (rest?.length ?? 0)
  if (rest ? missing < 1 : missing !== 0) return undefined
  const groups = [...head, ...Array<string>(missing).fill('0'), ...(rest ?? [])]
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
}
