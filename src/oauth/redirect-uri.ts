/** Schemes that a browser handles itself, so no application can be behind them. */
const UNSAFE = new Set([
  'about:',
  'blob:',
  'data:',
  'file:',
  'filesystem:',
  'ftp:',
  'javascript:',
  'vbscript:',
  'view-source:',
  'ws:',
  'wss:',
])
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost'])

/** What an address consists of (RFC 3986 §2). `URL` drops or encodes everything else, so the address would not be compared as it was registered. */
const VISIBLE_ASCII = /^[!-~]+$/

const parse = (text: string) => (VISIBLE_ASCII.test(text) && URL.canParse(text) ? new URL(text) : undefined)

const isLoopback = ({ protocol, hostname }: URL) => protocol === 'http:' && LOOPBACK.has(hostname)

/**
 * Whether an application may receive responses at this address: over https, on the person's own machine (RFC 8252 §7.3), or by its
 * own scheme (§7.1). No fragment (RFC 6749 §3.1.2) and no credentials.
 */
export function isRedirectUri(text: string): boolean {
  const url = parse(text)
  if (!url || text.includes('#') || url.username !== '' || url.password !== '') return false
  return url.protocol === 'http:' ? isLoopback(url) : !UNSAFE.has(url.protocol)
}

/**
 * Whether an address is registered: an exact match (RFC 9700 §2.1), except for the port on the person's own
 * machine, which an application only knows once it runs (RFC 8252 §7.3).
 */
export function isRegistered(presented: string, registered: readonly string[]): boolean {
  return registered.includes(presented) || registered.some((one) => isSameButPort(presented, one))
}

function isSameButPort(presented: string, registered: string): boolean {
  const [one, other] = [parse(presented), parse(registered)]
  if (!one || !other || !isRedirectUri(presented) || !isLoopback(one) || !isLoopback(other)) return false
  return one.hostname === other.hostname && one.pathname === other.pathname && one.search === other.search
}

/** Describes the redirect target for people: a host, or an application on their own machine. */
export function describeRedirect(uri: string): string {
  const url = new URL(uri)
  if (isLoopback(url)) return 'this computer'
  return url.protocol === 'https:' ? url.host : url.protocol.slice(0, -1)
}
