import { expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { logged, REQUIRED } from '../support/settings.ts'

test('scopes of applications are names with descriptions', () => {
  const scopes = { 'reports:read': 'Read reports.', 'tollgate:usage:events': 'See requests.', all: 'Everything.' }
  expect(readConfig({ ...REQUIRED, OAUTH_SCOPES: JSON.stringify(scopes) }).OAUTH_SCOPES).toEqual(scopes)
  expect(readConfig({ ...REQUIRED, OAUTH_SCOPES: '' }).OAUTH_SCOPES).toEqual({})
})

test.each([
  ['no JSON', 'reports:read'],
  ['a list', '["reports:read"]'],
  ['no words', '{"reports:read": ""}'],
  ['words that are none', '{"reports:read": true}'],
  ['too many words', JSON.stringify({ 'reports:read': 'x'.repeat(201) })],
  ['a scope with a space', '{"reports read": "Read reports."}'],
  ['a wildcard', '{"reports:*": "Everything."}'],
  ['a scope of service keys', '{"platform:verify": "Verify keys."}'],
  ['too many', JSON.stringify(Object.fromEntries(Array.from({ length: 51 }, (_, at) => [`s${at}`, 'A scope.'])))],
])('with %s no application is admitted, and the log says so', (_, OAUTH_SCOPES) => {
  const env = { ...REQUIRED, OAUTH_SCOPES }
  expect(logged(env)).toMatchObject([{ event: 'setting_refused', variable: 'OAUTH_SCOPES' }])
  const { OAUTH_SCOPES: scopes, faults } = readConfig(env)
  expect([scopes, faults[0]?.feature]).toEqual([{}, 'oauth'])
})
