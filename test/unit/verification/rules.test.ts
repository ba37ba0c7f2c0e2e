import { describe, expect, test } from 'vitest'
import { REFUSALS, type Refusal } from '../../../src/verdict-codes.ts'
import { findRefusal, holdsScope, isReserved, type KeyState } from '../../../src/verification/rules.ts'

const NOW = 1_800_000_000_000

const GOOD: KeyState = {
  isActive: true,
  revokedAt: undefined,
  expiresAt: undefined,
  suspended: false,
  allowedIps: undefined,
  scopes: [],
}
const NOTHING = { scopes: [], ip: undefined }

const judge = (key: Partial<KeyState>, asked = {}) => findRefusal({ ...GOOD, ...key }, { ...NOTHING, ...asked }, NOW)

/** What makes each refusal of a known key apply, in the order in which they are checked. */
const FAULTS: readonly (readonly [Refusal, Partial<KeyState>])[] = [
  ['REVOKED', { revokedAt: NOW }],
  ['DISABLED', { isActive: false }],
  ['EXPIRED', { expiresAt: NOW }],
  ['ORGANIZATION_SUSPENDED', { suspended: true }],
  ['FORBIDDEN_IP', { allowedIps: ['192.0.2.0/24'] }],
  ['INSUFFICIENT_SCOPE', { scopes: ['reports:read'] }],
]
const DEMANDING = { scopes: ['reports:write'], ip: '198.51.100.1' }

test('a key that no rule refuses is left to limits and quotas', () => {
  expect(judge({})).toBeUndefined()
})

test('an unknown key is NOT_FOUND', () => {
  expect(findRefusal(undefined, NOTHING, NOW)).toBe('NOT_FOUND')
})

test('the rules are in the published order', () => {
  expect(REFUSALS).toEqual([
    'NOT_FOUND',
    ...FAULTS.map(([code]) => code),
    'RATE_LIMITED',
    'QUOTA_EXCEEDED',
    'CREDITS_EXHAUSTED',
  ])
})

test('if several rules apply to a key, the first in that order refuses it', () => {
  for (let chosen = 1; chosen < 2 ** FAULTS.length; chosen++) {
    const faults = FAULTS.filter((_, at) => chosen & (1 << at))
    // a requested scope that only a key with that fault lacks
    const lacksScope = faults.some(([code]) => code === 'INSUFFICIENT_SCOPE')
    const key = Object.assign({ scopes: ['*'] }, ...faults.map(([, fault]) => fault))
    expect(judge(key, DEMANDING)).toBe(faults[0]?.[0])
    expect(key.scopes).toEqual(lacksScope ? ['reports:read'] : ['*'])
  }
})

describe('times', () => {
  test.each([
    ['revokedAt', 'REVOKED'],
    ['expiresAt', 'EXPIRED'],
  ] as const)('a key expires at its %s: not a millisecond before, and forever after', (field, code) => {
    expect([NOW - 1, NOW, NOW + 1].map((at) => judge({ [field]: at }))).toEqual([code, code, undefined])
  })

  test('a key that expires at the beginning of time has expired', () => {
    expect(judge({ expiresAt: 0 })).toBe('EXPIRED')
    expect(judge({ revokedAt: 0 })).toBe('REVOKED')
  })
})

describe('addresses', () => {
  const allowedIps = ['192.0.2.0/24', '2001:db8::/32', '198.51.100.7']

  test.each([
    ['192.0.2.0', undefined],
    ['192.0.2.255', undefined],
    ['192.0.3.0', 'FORBIDDEN_IP'],
    ['198.51.100.7', undefined],
    ['198.51.100.8', 'FORBIDDEN_IP'],
    ['2001:db8:ffff::1', undefined],
    ['2001:db9::', 'FORBIDDEN_IP'],
    ['::ffff:192.0.2.9', undefined],
    ['nonsense', 'FORBIDDEN_IP'],
    ['', 'FORBIDDEN_IP'],
    [undefined, 'FORBIDDEN_IP'],
  ])('a key bound to addresses, used from %s: %s', (ip, refusal) => {
    expect(judge({ allowedIps }, { ip })).toBe(refusal)
  })

  test('a key bound to an empty list of addresses works from nowhere, an unbound one from anywhere', () => {
    expect(judge({ allowedIps: [] }, { ip: '192.0.2.1' })).toBe('FORBIDDEN_IP')
    expect(judge({ allowedIps: undefined }, { ip: 'nonsense' })).toBeUndefined()
  })
})

describe('scopes', () => {
  test('every requested scope is needed, and no other', () => {
    const scopes = ['reports:read', 'answers:read']
    expect(judge({ scopes }, { scopes: [] })).toBeUndefined()
    expect(judge({ scopes }, { scopes: ['answers:read', 'reports:read'] })).toBeUndefined()
    expect(judge({ scopes }, { scopes: ['answers:read', 'answers:write'] })).toBe('INSUFFICIENT_SCOPE')
    expect(judge({ scopes: [] }, { scopes: ['reports:read'] })).toBe('INSUFFICIENT_SCOPE')
  })

  test.each([
    ['reports:read', 'reports:read', true],
    ['reports:read', 'reports:rea', false],
    ['reports:read', 'reports:read:all', false],
    ['reports:read', 'Reports:read', false],
    ['reports:*', 'reports:read', true],
    ['reports:*', 'reports:read:all', true],
    ['reports:*', 'reports', false],
    ['reports:*', 'reportsx:read', false],
    ['reports:*', 'report:read', false],
    ['reports*', 'reports:read', false],
    ['*:read', 'reports:read', false],
    ['*', 'reports:read', true],
    ['*', 'anything', true],
    ['*', '*', true],
  ])('holding %s covers %s: %s', (held, needed, covers) => {
    expect(holdsScope([held], needed)).toBe(covers)
  })

  test.each(['platform:verify', 'platform:usage', 'tollgate:keys:write'])(
    '%s grants power over Tollgate: only its own name covers it, not a wildcard',
    (needed) => {
      expect(isReserved(needed)).toBe(true)
      expect(holdsScope([needed], needed)).toBe(true)
      expect(holdsScope(['*', 'tollgate:*', 'tollgate:keys:*'], needed)).toBe(false)
    },
  )

  test('a wildcard of the platform covers scopes with its prefix, and none of customers', () => {
    expect(holdsScope(['platform:*'], 'platform:keys:read')).toBe(true)
    expect(holdsScope(['platform:keys:*'], 'platform:keys:read')).toBe(true)
    expect(holdsScope(['platform:keys:*'], 'platform:users:read')).toBe(false)
    expect(holdsScope(['platform:*'], 'tollgate:keys:read')).toBe(false)
  })

  test.each([
    'platform',
    'platforms:verify',
    'my:platform:verify',
    'Platform:verify',
    'tollgates:keys',
    'reports:read',
  ])('%s is a scope like others', (scope) => {
    expect(isReserved(scope)).toBe(false)
    expect(holdsScope(['*'], scope)).toBe(true)
  })
})
