import { inRange } from '../lib/cidr.ts'

/** Address blocks that contain no public servers (RFC 6890 and its registries). */
const RESERVED_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10', // carrier-grade NAT
  '127.0.0.0/8',
  '169.254.0.0/16', // link-local, including the metadata services of clouds
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '168.63.129.16/32', // a public address, but Azure's own host answers at it
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3', // multicast, reserved, broadcast
]
/**
 * The only block with public IPv6 servers. Loopback, ULA, link-local, mapped, NAT64 and multicast lie outside of it.
 */
const GLOBAL_V6 = '2000::/3'
/** Inside it: special purposes with Teredo, documentation, 6to4 (which wraps any IPv4 address). */
const RESERVED_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20']

/**
 * Names that only a private network resolves: reserved (RFC 6761, 6762, 8375), and those of clusters, clouds and
 * routers.
 */
const PRIVATE_ZONES = `
  localhost local localdomain internal intranet private priv intra corp home lan arpa test invalid onion alt
  i2p bit domain workgroup dhcp gateway router mail svc cluster pod default k8s kube kubernetes consul docker
  mesh nomad rancher containers openstacklocal novalocal compute-internal metadata metadata.goog fritz.box
  ts.net`
/** Public names that resolve to a private address spelled in them, or to the caller's own machine. */
const LOOPBACK_ZONES = 'nip.io sslip.io xip.io localtest.me lvh.me vcap.me lacolhost.com local.gd'
const NOWHERE = new Set(`${PRIVATE_ZONES} ${LOOPBACK_ZONES}`.split(/\s+/))
/** At least two labels, the last of letters (RFC 3696 §2). A single label would be resolved in the caller's network. */
const FULL_NAME = /^([a-z0-9_-]{1,63}\.)+([a-z]{2,63}|xn--[a-z0-9-]{1,59})$/
const V4 = /^\d+\.\d+\.\d+\.\d+$/
const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])$/
const PORTS = new Set(['', '8443']) // 443 is '' once parsed

const MAX_URL_LENGTH = 2_000

/** The checks of an endpoint's address, in the order in which they are reported. Names have no trailing dot. */
const CHECKS: readonly [flaw: string, isWrong: (url: URL, name: string, ownName: string) => boolean][] = [
  ['must begin with https:', ({ protocol }) => protocol !== 'https:'],
  ['must use the port 443 or 8443', ({ port }) => !PORTS.has(port)],
  ['must not point to a private or reserved address', (_, name) => isLiteral(name) && !isPublicAddress(name)],
  ['must have a full public host name', (_, name) => !isLiteral(name) && !isPublicName(name)],
  ['must not point to this service', (_, name, ownName) => name === ownName],
]

/**
 * Why a webhook must not be sent to an address, so that no customer can make Tollgate reach addresses that only
 * Tollgate can reach (ASVS 1.3.6). It checks the address and the name as they are stored and used, after the parser has
 * normalized every notation and encoded non-ASCII characters. The address that a name resolves to is not known here.
 *
 * A deployment on a loopback address may send to loopback addresses, by plain HTTP and to any port.
 *
 * @param publicUrl the address of the deployment
 * @returns what is wrong, as the rest of a sentence that quotes nothing; `undefined` if the address is allowed
 */
export function findTargetFlaw(text: string, publicUrl: string): string | undefined {
  const url = URL.parse(text)
  if (!url || url.href.length > MAX_URL_LENGTH)
    return `must be a URL of at most ${MAX_URL_LENGTH} characters once encoded`
  if (url.username !== '' || url.password !== '') return 'must not contain a user name or password'
  const own = new URL(publicUrl)
  const isLocal = LOOPBACK.test(own.hostname) && LOOPBACK.test(url.hostname)
  if (isLocal) return /^https?:$/.test(url.protocol) ? undefined : 'must begin with https: or http:'
  const name = withoutLastDot(url.hostname)
  return CHECKS.find(([, isWrong]) => isWrong(url, name, withoutLastDot(own.hostname)))?.[0]
}

const withoutLastDot = (name: string) => name.replace(/\.$/, '')

const isLiteral = (name: string) => name.startsWith('[') || V4.test(name)

function isPublicName(name: string): boolean {
  const labels = name.split('.')
  const isNowhere = labels.some((_, at) => NOWHERE.has(labels.slice(at).join('.')))
  return FULL_NAME.test(name) && name.length <= 253 && !isNowhere
}

function isPublicAddress(name: string): boolean {
  if (V4.test(name)) return !RESERVED_V4.some((range) => inRange(name, range))
  const ip = name.slice(1, -1)
  return inRange(ip, GLOBAL_V6) && !RESERVED_V6.some((range) => inRange(ip, range))
}
