import { expect, test } from 'vitest'
import { leavesItsPlace, listReadings, simplifyPath } from '../../../src/gateway/path.ts'

const REFUSED = [
  '/..%2fadmin /a/%2e%2e/b /a/%2E./b /a%5c..%5cb /%2e /a/..%2F /a/%252e%252e/b /a/..%252fb /%25%32%65%252e/x /..%00/x /.%20./x',
  '/docs/..;/x /..; /a/.;b=c/d /v1/..%3b/x /v1/..%3Ba%3D/x /v1/..%25253b/x /v1/%2e%2e;/x /..;x%2fy/z /;%2f..%2f /..%3f/x',
]
test.each(REFUSED.flatMap((paths) => paths.split(' ')))(
  'a path is refused if it leaves its place once decoded, and without parameters: %s',
  (path) => expect(leavesItsPlace(path)).toBe(true),
)

test.each([
  '/a%2Fb',
  '/v1..2',
  '/a/...%2fb',
  '/a%252e',
  '/%20',
  '/file%2etxt',
  '/a;b=../c',
  '/a..;b',
  '/a%3b',
  '/%c3%a4',
  '/%',
])('and passes otherwise: %s', (path) => expect(leavesItsPlace(path)).toBe(false))

test('the spellings of a path are one when simplified', () => {
  const spellings = [
    '/a/b',
    '//A//b/',
    '/%61/%42',
    '/a;x=1/b;y',
    '/a./b..',
    '/a%20/b%00',
    '/a%2fb',
    '/a%5Cb',
    '/%2561/b',
    '/;/a/b',
  ]
  expect(new Set(spellings.map(simplifyPath))).toEqual(new Set(['/a/b']))
  expect(['/', '//', '/;x', '/a.b/%c3%84', '/a%'].map(simplifyPath)).toEqual(['/', '/', '/', '/a.b/%c3%84', '/a%'])
})

test('a parameter with an encoded slash is read in two ways', () => {
  expect(listReadings('/a;x%2fb/c')).toEqual(['/a/b/c', '/a/c'])
})
