import { expect, test } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { REST, SHARED } from '../../support/jwk.ts'

const GOOD = {
  issuer: 'https://issuer.example.org',
  jwks_url: 'https://issuer.example.org/jwks.json',
  audience: 'tollgate',
  algorithms: ['RS256'],
  organization_claim: 'org_id',
}
const configOf = (setting: unknown, more = {}) =>
  readConfig({
    ...REST,
    PUBLIC_URL: 'https://api.example.org',
    JWT_KEYS: JSON.stringify({ keys: [SHARED] }),
    TRUSTED_ISSUERS: typeof setting === 'string' ? setting : JSON.stringify(setting),
    ...more,
  })
const reasonOf = (setting: unknown) => configOf(setting).faults.map(({ feature, reason }) => `${feature}: ${reason}`)

test('without the setting no issuer is trusted', () => {
  expect(configOf([]).TRUSTED_ISSUERS).toEqual([])
  expect(configOf('[]', { TRUSTED_ISSUERS: undefined }).TRUSTED_ISSUERS).toEqual([])
})

test('an issuer needs five members; the others have defaults, and a name is a path of one', () => {
  expect(configOf([GOOD])).toMatchObject({
    faults: [],
    TRUSTED_ISSUERS: [
      {
        audience: ['tollgate'],
        audience_claim: ['aud'],
        user_claim: ['sub'],
        organization_claim: ['org_id'],
        default_role: 'member',
      },
    ],
  })
  for (const name of Object.keys(GOOD))
    expect(reasonOf([{ ...GOOD, [name]: undefined }])).toEqual([
      `trusted_issuers: issuer 1: ${name} is missing or wrong`,
    ])
})

test.each([
  ['no list', '{}', 'is not a JSON list of issuers'],
  ['no JSON', 'https://issuer.example.org', 'is not a JSON list of issuers'],
  ['the same twice', [GOOD, GOOD], 'has the same issuer twice'],
  ['more than twenty', Array.from({ length: 21 }, () => GOOD), 'must hold at most 20 issuers'],
  ['a shared secret', [{ ...GOOD, algorithms: ['RS256', 'HS256'] }], 'issuer 1: algorithms.1 is missing or wrong'],
  ['no signature', [{ ...GOOD, algorithms: ['none'] }], 'issuer 1: algorithms.0 is missing or wrong'],
  ['no algorithm', [{ ...GOOD, algorithms: [] }], 'issuer 1: algorithms is missing or wrong'],
  [
    'plain HTTP',
    [{ ...GOOD, jwks_url: 'http://issuer.example.org' }],
    'issuer 1: jwks_url must be https, except on this machine',
  ],
  ['an unknown member', [GOOD, { ...GOOD, issuer: 'other', jwks_uri: 'x' }], 'issuer 2: jwks_uri is not known'],
  ['an unknown role', [{ ...GOOD, default_role: 'god' }], 'issuer 1: default_role is missing or wrong'],
  [
    'roles without their claim',
    [{ ...GOOD, roles: { a: 'admin' } }],
    'issuer 1: roles is given together with role_claim',
  ],
  ['a claim without roles', [{ ...GOOD, role_claim: 'role' }], 'issuer 1: roles is given together with role_claim'],
  ['this deployment itself', [{ ...GOOD, issuer: 'https://api.example.org' }], 'names this deployment itself'],
])('%s disables only the feature, and the reason quotes no value', (_, setting, reason) => {
  expect(reasonOf(setting)).toEqual([`trusted_issuers: ${reason}`])
  expect(configOf(setting).TRUSTED_ISSUERS).toEqual([])
})

test('plain HTTP is only for this machine', () => {
  for (const host of ['localhost:8001', '127.0.0.1', '[::1]:8001'])
    expect(reasonOf([{ ...GOOD, jwks_url: `http://${host}/jwks` }])).toEqual([])
})
