import { describe, expect, test } from 'vitest'
import { findTargetFlaw } from '../../../src/events/target-rules.ts'

const PUBLIC = 'https://tollgate.example.net'
const LOCAL = 'http://localhost:8000'

describe('a webhook goes to', () => {
  test.each([
    'https://hooks.example.com/tollgate?x=1',
    'https://hooks.example.com:8443/',
    'https://hooks.example.com:443/',
    'https://EXAMPLE.com./',
    'https://bücher.example/',
    'https://8.8.8.8/',
    'https://100.63.255.255/',
    'https://100.128.0.0/',
    'https://172.15.255.255/',
    'https://172.32.0.0/',
    'https://223.255.255.255/',
    'https://[2606:4700::1111]/',
    'https://metadata.example.com/',
    'https://svc.example.com/',
    'https://kubernetes.default.svc.example.com/',
    'https://local.example.com/',
    `https://example.com/${'é'.repeat(330)}`, // 2,000 characters once encoded
  ])('%s', (url) => {
    expect(findTargetFlaw(url, PUBLIC)).toBeUndefined()
  })
})

const ADDRESS = 'must not point to a private or reserved address'
const NAME = 'must have a full public host name'

describe('a webhook does not go to', () => {
  test.each([
    ['no URL', 'hooks.example.com', /must be a URL/],
    ['a URL of 2,001 characters', `https://example.com/${'x'.repeat(1_981)}`, /must be a URL/],
    ['a URL of 351 that are 2,006 once encoded', `https://example.com/${'é'.repeat(331)}`, /must be a URL/],
    ['plain HTTP', 'http://hooks.example.com/', /https:/],
    ['another protocol', 'ftp://hooks.example.com/', /https:/],
    ['a script', 'javascript:alert(1)', /https:/],
    ['data', 'data:text/plain,x', /https:/],
    ['a file', 'file:///etc/passwd', /https:/],
    ['a user name', 'https://ada@example.com/', /user name/],
    ['a password', 'https://:secret@example.com/', /user name/],
    ['a name that only looks public', 'https://example.com@127.0.0.1/', /user name/],
    ['SSH', 'https://example.com:22/', /port/],
    ['Postgres', 'https://example.com:5432/', /port/],
    ['the port of plain HTTP', 'https://example.com:80/', /port/],
    ['itself', 'https://tollgate.example.net/api/v1/webhook-endpoints', /point to this service/],
    ['itself with a last dot', 'https://TOLLGATE.example.net./', /point to this service/],
  ])('%s', (_, url, flaw) => {
    expect(findTargetFlaw(url, PUBLIC)).toMatch(flaw)
  })

  test.each([
    '0.0.0.0',
    '10.0.0.1',
    '100.64.0.0',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.254',
    '168.63.129.16',
    '169.254.169.254',
    '172.16.0.0',
    '172.31.255.255',
    '192.0.0.1',
    '192.0.2.1',
    '192.168.255.255',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '127.1',
    '127.0.1',
    '2130706433',
    '0x7f000001',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '017700000001',
    '0xa9fea9fe',
    '127.0.0.1.',
    '①②⑦.⓪.⓪.①',
    '127%2e0%2e0%2e1',
    '127。0。0。1',
    '[::]',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:8.8.8.8]',
    '[::ffff:a9fe:a9fe]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b:1::1]',
    '[fc00::1]',
    '[fd12:3456::1]',
    '[fe80::1]',
    '[fec0::1]',
    '[ff02::1]',
    '[100::1]',
    '[2001::1]',
    '[2001:db8::1]',
    '[2002:7f00:1::]',
    '[3fff::1]',
  ])('the address %s', (host) => {
    expect(findTargetFlaw(`https://${host}/`, PUBLIC)).toBe(ADDRESS)
  })

  test.each([
    'localhost',
    'LOCALHOST.',
    'api.localhost',
    'db',
    'metadata',
    'metadata.google.internal',
    'instance-data.ec2.internal',
    'kubernetes.default.svc.cluster.local',
    'kubernetes.default.svc',
    'KUBERNETES.default.SVC.',
    'kubernetes.default.svc..',
    'kubernetes.default',
    'api.default.svc.cluster',
    'vault.service.consul',
    'db.pod',
    'host.docker.internal',
    'metadata.goog',
    'ip-10-0-0-1.ec2.compute-internal',
    'x.openstacklocal',
    '10.0.0.1.nip.io',
    'hooks.localtest.me',
    'gate.ts.net',
    'x.c',
    'x.y2',
    'printer.local',
    'router.home.arpa',
    'x.lan',
    'x.corp',
    'x.test',
    'x.onion',
    'example..com',
    '.example.com',
    `${'a'.repeat(64)}.com`,
  ])('the name %s', (host) => {
    expect([NAME, expect.stringMatching(/must be a URL/)]).toContainEqual(findTargetFlaw(`https://${host}/`, PUBLIC))
  })
})

describe('on a developer’s machine', () => {
  test.each([
    'http://127.0.0.1:8001/webhooks/catch',
    'http://localhost:3000/',
    'https://[::1]:9/',
    'https://x.example.com/',
  ])('a webhook also goes to %s', (url) => {
    expect(findTargetFlaw(url, LOCAL)).toBeUndefined()
  })

  test.each([
    'http://10.0.0.1/',
    'http://example.com/',
    'https://192.168.0.1/',
    'ftp://localhost/',
    'http://a:b@localhost/',
  ])('but not to %s', (url) => {
    expect(findTargetFlaw(url, LOCAL)).toBeDefined()
  })
})
