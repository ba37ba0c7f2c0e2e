import { expect, test } from 'vitest'
import { findClientAddress } from '../../../local/stand-alone/worker/client-address.ts'

const NOBODY = { proxies: [], header: 'X-Forwarded-For' }
const PROXIES = { proxies: ['10.0.0.0/8', '2001:db8::/64'], header: 'X-Forwarded-For' }

test.each<[rule: string, asked: Parameters<typeof findClientAddress>, address: string | undefined]>([
  ['the connection decides where no proxy is trusted', ['192.0.2.1:4711', '198.51.100.7', NOBODY], '192.0.2.1'],
  ['nor is the header of a stranger read', ['192.0.2.1:4711', '198.51.100.7', PROXIES], '192.0.2.1'],
  ['a trusted proxy names the client', ['10.1.2.3:4711', '198.51.100.7', PROXIES], '198.51.100.7'],
  ['what the client wrote before is not believed', ['10.1.2.3:1', '1.1.1.1, 198.51.100.7', PROXIES], '198.51.100.7'],
  [
    'proxies behind each other are passed over',
    ['10.1.2.3:1', '1.1.1.1,198.51.100.7, 10.9.9.9', PROXIES],
    '198.51.100.7',
  ],
  ['only proxies: the first of them', ['10.1.2.3:1', '10.0.0.5, 10.9.9.9', PROXIES], '10.0.0.5'],
  ['something unreadable ends the search', ['10.1.2.3:1', '198.51.100.7, unknown, 10.9.9.9', PROXIES], '10.9.9.9'],
  ['without the header it is the proxy', ['10.1.2.3:1', null, PROXIES], '10.1.2.3'],
  ['addresses of IPv6, with and without port', ['[2001:db8::1]:443', '[2001:db9::5]:1234', PROXIES], '2001:db9::5'],
  ['a mapped address counts as IPv4', ['[::ffff:10.1.2.3]:1', '198.51.100.7:80', PROXIES], '198.51.100.7'],
  ['a connection without an address has none', ['', '198.51.100.7', PROXIES], undefined],
])('%s', (_, asked, address) => {
  expect(findClientAddress(...asked)).toBe(address)
})
