import { expect, test } from 'vitest'
import { parseReportKeys } from '../../../src/lib/report-keys.ts'

/** Published by GitHub, under these names. */
const FORMER =
  'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9MJJHnMfn2+H4xL4YaPDA4RpJqUq\nkCmRCBnYERxZanmcpzQSXs1X/AljlKkbJ8qpVIW4clayyef9gWhFbNHWAA=='
const pem = (base64: string) => `-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----\n`
const entry = (key_identifier: unknown, key: unknown = pem(FORMER)) => ({ key_identifier, key, is_current: false })
const parse = (...public_keys: unknown[]) => parseReportKeys(JSON.stringify({ public_keys }))

test('keys are read with their names, current or not, with the line ends of any system', () => {
  const keys = parse(entry('90a4'), entry('b', pem(FORMER).replaceAll('\n', '\r\n')))
  expect(keys).toMatchObject([{ id: '90a4' }, { id: 'b' }])
  for (const { spki } of keys as { spki: Uint8Array }[]) expect(spki).toHaveLength(91)
})

test.each<[string, unknown[], string]>([
  ['no key at all', [], 'must hold 1 to 20 keys'],
  ['21 keys', Array.from({ length: 21 }, (_, at) => entry(String(at))), 'must hold 1 to 20 keys'],
  ['no name', [entry('a'), entry(undefined)], 'key 2 has no key_identifier'],
  ['a name with a space', [entry('a b')], 'key 1 has no key_identifier'],
  ['a key that is no text', [entry('a', 7)], 'key 1 has no PEM'],
  ['a key without its frame', [entry('a', FORMER)], 'key 1 has no PEM'],
  ['a private key', [entry('a', pem(FORMER).replaceAll('PUBLIC', 'PRIVATE'))], 'key 1 has no PEM'],
  ['a key of another curve', [entry('a', pem(FORMER.replace('AQcDQg', 'ACMDQg')))], 'key 1 has no PEM'],
  ['half a key', [entry('a', pem(FORMER.slice(0, 60)))], 'key 1 has no PEM'],
  ['two of one name', [entry('a'), entry('a')], 'two keys with the same key_identifier'],
])('%s is refused, with its position', (_, keys, sentence) => {
  expect(parse(...keys)).toContain(sentence)
})

test.each(['', 'x', '[]', '{}', '{"public_keys":{}}', '{"public_keys":[1]}', 'null'])(
  '%j is not a list of keys',
  (text) => {
    expect(parseReportKeys(text)).toContain('is not a list of keys')
  },
)
