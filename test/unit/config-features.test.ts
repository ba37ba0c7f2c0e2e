import { describe, expect, test, vi } from 'vitest'
import { readConfig, SETTINGS } from '../../src/config.ts'
import { MANAGEMENT, requireFeature, SIDE_FEATURES, VERIFICATION } from '../../src/config-features.ts'
import { REQUIRED, refusal } from '../support/settings.ts'

vi.spyOn(console, 'error').mockImplementation(() => undefined)

const faultsIn = (more: object) => readConfig({ ...REQUIRED, ...more }).faults

test('every setting is in exactly one list', () => {
  const listed = [...VERIFICATION, ...MANAGEMENT, ...Object.values(SIDE_FEATURES).flat()]
  expect(listed.toSorted()).toEqual(Object.keys(SETTINGS).toSorted())
})

/** Values that nobody means. These variables take any text. */
const WRONG = ['\u{0}', '!']
const TAKES_ANY_TEXT = ['MAIL_API_KEY', 'SERVICE_NAME', 'BRAND_NAME', 'UPSTASH_REDIS_REST_TOKEN']
const TAKES_SHORT_TEXT = ['TURNSTILE_SITE_KEY', 'TURNSTILE_SECRET_KEY', 'POLAR_ACCESS_TOKEN', 'STRIPE_SECRET_KEY']

describe('a wrong value', () => {
  const others = Object.keys(SETTINGS).filter((name) => !VERIFICATION.some((one) => one === name))

  test.each(others)('%s: stops its feature alone', (name) => {
    for (const value of ['', ...WRONG]) {
      const stopped = faultsIn({ [name]: value }).map(({ feature }) => feature)
      const feature = Object.entries(SIDE_FEATURES).find(([, names]) => names.some((one) => one === name))?.[0]
      expect(new Set([...stopped, feature ?? 'management'])).toEqual(new Set([feature ?? 'management']))
      if (value !== '' && ![...TAKES_ANY_TEXT, ...TAKES_SHORT_TEXT].includes(name)) expect(stopped).not.toEqual([])
    }
  })

  test.each(VERIFICATION.filter((name) => !TAKES_ANY_TEXT.includes(name)))('%s: stops everything', (name) => {
    expect(refusal({ ...REQUIRED, [name]: '!' })).toMatchObject({ code: 'misconfigured' })
  })
})

test('without a public address or a key of tokens, management is off', () => {
  const { PUBLIC_URL: _, JWT_SECRET_KEY: __, ...rest } = REQUIRED
  expect(readConfig(rest).faults).toEqual([
    { feature: 'management', variable: 'PUBLIC_URL', reason: 'is missing' },
    { feature: 'management', variable: 'JWT_KEYS', reason: 'give either this or JWT_SECRET_KEY' },
  ])
})

test.each([
  ['AUDIT_RETENTION_DAYS', '30', 'audit_retention', 'must be a whole number from 90 to 3650'],
  ['BILLING_GRACE_DAYS', '120', 'subscriptions', 'must be a whole number from 0 to 90'],
  ['BILLING_GRACE_DAYS', '', 'subscriptions', 'must be a whole number from 0 to 90'],
  ['REFRESH_GRACE_SECONDS', '900', 'management', 'must be a whole number from 0 to 300'],
] as const)('the bounds of a number are told: %s=%s', (variable, value, feature, reason) => {
  const config = readConfig({ ...REQUIRED, [variable]: value })
  expect(config.faults).toEqual([{ feature, variable, reason }])
  expect(() => requireFeature(config, feature)).toThrow(`${variable} ${reason}.`)
})
