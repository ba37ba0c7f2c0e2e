import { describe, expect, test } from 'vitest'
import { inRange, isRange, normalizeAddress, toNetwork } from '../../../src/lib/cidr.ts'

describe('addresses and blocks', () => {
  test.each([
    // RFC 4291 §2.2, each form it shows
    'ABCD:EF01:2345:6789:ABCD:EF01:2345:6789',
    '2001:DB8:0:0:8:800:200C:417A',
    '2001:DB8::8:800:200C:417A',
    'FF01::101',
    '::1',
    '::',
    '0:0:0:0:0:0:13.1.68.3',
    '::13.1.68.3',
    '::FFFF:129.144.52.38',
    // §2.3, the forms of one prefix
    '2001:0DB8:0000:CD30:0000:0000:0000:0000/60',
    '2001:0DB8::CD30:0:0:0:0/60',
    '2001:0DB8:0:CD30::/60',
    '1:2:3:4:5:6:7::',
    '::2:3:4:5:6:7:8',
    '::/0',
    '::1/128',
    '0.0.0.0',
    '255.255.255.255',
    '192.0.2.0/24',
    '0.0.0.0/0',
    '192.0.2.1/32',
    '::ffff:192.0.2.0/120',
    '::ffff:0:0/96',
  ])('%s is one', (text) => {
    expect(isRange(text)).toBe(true)
  })

  test.each([
    // RFC 4291 §2.3, the ones it calls illegal
    '2001:0DB8:0:CD3/60/1',
    '2001:0DB8::CD30::/60',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::1:2:3:4:5:6:7:8',
    ':1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:',
    ':::',
    ':',
    '1::2::3',
    '12345::',
    '::g',
    'fe80::1%eth0',
    '[::1]',
    '::1.2.3',
    '::1.2.3.4:5',
    '1.2.3.4::',
    '1:2:3:4:5:6:7:1.2.3.4',
    '1.2.3',
    '1.2.3.4.5',
    '256.0.0.1',
    '1.2.3.-4',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.4\n',
    // inet_aton accepts these as octal, hexadecimal and short forms, and others do not: two readers, two addresses
    '010.0.0.1',
    '1.2.3.04',
    '0x7f.0.0.1',
    '2130706433',
    '127.1',
    '192.0.2.0/33',
    '192.0.2.0/',
    '192.0.2.0/-1',
    '192.0.2.0/+8',
    '192.0.2.0/2 ',
    '192.0.2.0/24/8',
    '192.0.2.0/255.255.255.0',
    '/24',
    '::/129',
    '::ffff:192.0.2.0/95', // more than the IPv4 addresses, and less than all IPv6 addresses that map to them
    '::ffff:192.0.2.0/129',
    '',
    'localhost',
  ])('%j is not one', (text) => {
    expect(isRange(text)).toBe(false)
  })
})

describe('membership of a block', () => {
  test.each([
    ['192.0.2.0/24', '192.0.1.255', '192.0.2.0', '192.0.2.255', '192.0.3.0'],
    ['192.0.2.77/24', '192.0.1.255', '192.0.2.0', '192.0.2.255', '192.0.3.0'], // bits below the prefix do not matter
    ['192.0.2.128/25', '192.0.2.127', '192.0.2.128', '192.0.2.255', '192.0.3.0'],
    ['192.0.2.4/31', '192.0.2.3', '192.0.2.4', '192.0.2.5', '192.0.2.6'],
    ['192.0.2.4', '192.0.2.3', '192.0.2.4', '192.0.2.4', '192.0.2.5'],
    ['192.0.2.4/32', '192.0.2.3', '192.0.2.4', '192.0.2.4', '192.0.2.5'],
    ['128.0.0.0/1', '127.255.255.255', '128.0.0.0', '255.255.255.255', '0.0.0.0'],
    ['10.0.0.0/8', '9.255.255.255', '10.0.0.0', '10.255.255.255', '11.0.0.0'],
    ['2001:db8::/32', '2001:db7:ffff::', '2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db9::'],
    ['2001:db8:0:cd30::/60', '2001:db8:0:cd2f::', '2001:db8:0:cd30::', '2001:db8:0:cd3f:ffff::', '2001:db8:0:cd40::'],
    ['2001:db8::1', '2001:db8::', '2001:db8::1', '2001:0DB8:0:0::1', '2001:db8::2'],
    ['::ffff:192.0.2.0/120', '192.0.1.255', '192.0.2.0', '192.0.2.255', '192.0.3.0'],
  ])('%s: from its first address to its last, and neither before nor after', (range, ...addresses) => {
    expect(addresses.map((ip) => inRange(ip, range))).toEqual([false, true, true, false])
  })

  test('a prefix of 0 contains its whole family, and nothing of the other', () => {
    expect(['0.0.0.0', '255.255.255.255', '::', '2001:db8::1'].map((ip) => inRange(ip, '0.0.0.0/0'))).toEqual([
      true,
      true,
      false,
      false,
    ])
    expect(['0.0.0.0', '::', 'ffff::1'].map((ip) => inRange(ip, '::/0'))).toEqual([false, true, true])
  })

  test('all texts of one IPv6 address are equal, and only mapped ones are IPv4 (RFC 5952 §2)', () => {
    for (const ip of ['2001:db8:0:0:1:0:0:1', '2001:0db8::1:0:0:1', '2001:db8::0:1:0:0:1', '2001:DB8:0:0:1::1'])
      expect(inRange(ip, '2001:db8::1:0:0:1')).toBe(true)
    for (const ip of ['::ffff:192.0.2.1', '::FFFF:c000:201', '0:0:0:0:0:ffff:192.0.2.1'])
      expect([inRange(ip, '192.0.2.1'), inRange('192.0.2.1', ip)]).toEqual([true, true])
    expect(inRange('::192.0.2.1', '192.0.2.1')).toBe(false)
    expect(inRange('::1:ffff:c000:201', '192.0.2.1')).toBe(false)
  })

  test('an invalid address is in no block, and an invalid block contains nothing', () => {
    expect(inRange('nonsense', '0.0.0.0/0')).toBe(false)
    expect(inRange('192.0.2.0/24', '192.0.2.0/24')).toBe(false)
    expect(inRange('192.0.2.1', 'nonsense')).toBe(false)
    expect(inRange('', '')).toBe(false)
  })

  test.each([
    ['IPv4', 32, v4],
    ['IPv6', 128, v6],
  ] as const)('%s: a changed bit inside the prefix leaves the block, one below it does not', (_, bits, text) => {
    for (let sample = 0; sample < 400; sample++) {
      const value = randomBits(bits)
      const prefix = Math.floor(Math.random() * (bits + 1))
      const changed = Math.floor(Math.random() * bits) // counted from the left, as prefixes are
      const other = value ^ (1n << BigInt(bits - 1 - changed))
      const block = `${text(value)}/${prefix}`
      expect(inRange(text(value), block)).toBe(true)
      expect([inRange(text(other), block), block, changed]).toEqual([changed >= prefix, block, changed])
    }
  })
})

describe('networks', () => {
  test('an IPv4 address is one, in either of its forms', () => {
    expect(toNetwork('192.0.2.1')).toBe('192.0.2.1')
    expect(toNetwork('::ffff:192.0.2.1')).toBe('192.0.2.1')
    expect(toNetwork('::FFFF:C000:201')).toBe('192.0.2.1')
    expect(toNetwork('192.0.2.2')).not.toBe(toNetwork('192.0.2.1'))
  })

  test('the first 64 bits of an IPv6 address are one', () => {
    const network = toNetwork('2001:db8:1:2::')
    for (const ip of ['2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:0DB8:1:2:0::1', '2001:db8:1:2::192.0.2.1'])
      expect(toNetwork(ip)).toBe(network)
    expect(toNetwork('2001:db8:1:1:ffff:ffff:ffff:ffff')).not.toBe(network)
    expect(toNetwork('2001:db8:1:3::')).not.toBe(network)
  })

  test('a text that is not an address is its own network', () => {
    expect(toNetwork('unknown')).toBe('unknown')
  })
})

function randomBits(bits: number): bigint {
  return crypto.getRandomValues(new Uint8Array(bits / 8)).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}

function v4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.')
}

function v6(value: bigint): string {
  return Array.from({ length: 8 }, (_, group) => ((value >> BigInt(112 - 16 * group)) & 0xffffn).toString(16)).join(':')
}

describe('the canonical form of an address', () => {
  test.each([
    // RFC 5952 §4.1 to §4.3
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8:AAAA::', '2001:db8:aaaa::'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['0:0:1:2:3:4:5:6', '::1:2:3:4:5:6'],
    ['1:2:3:4:5:6:0:0', '1:2:3:4:5:6::'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['192.0.2.1', '192.0.2.1'],
  ])('of %s is %s', (text, one) => {
    expect(normalizeAddress(text)).toBe(one)
    expect(normalizeAddress(one)).toBe(one)
  })

  test.each(['', '192.0.2', '192.0.2.01', '::1%1', '[::1]', '::/64', '1::2::3', 'localhost'])('%j has none', (text) => {
    expect(normalizeAddress(text)).toBeUndefined()
  })
})
