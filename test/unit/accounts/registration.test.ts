import { describe, expect, test } from 'vitest'
import { requireDomain, requireMayRegister } from '../../../src/accounts/registration.ts'
import { readConfig } from '../../../src/config.ts'
import { findNotices } from '../../../src/config-checks.ts'
import { Problem } from '../../../src/problems.ts'

const REQUIRED = {
  DATABASE_URL: 'postgresql://ada:pass@db.example.com/tollgate',
  UPSTASH_REDIS_REST_URL: 'https://redis.example.com',
  UPSTASH_REDIS_REST_TOKEN: 'redis-token',
  JWT_SECRET_KEY: 'x'.repeat(32),
  SECRET_KEY: 'y'.repeat(32),
  PUBLIC_URL: 'https://api.example.org',
}

const configWith = (more: object) => readConfig({ ...REQUIRED, ...more })
const byDomains = (domains: string) => configWith({ REGISTRATION: 'domains', REGISTRATION_DOMAINS: domains })

function codeOf(work: () => void): string {
  try {
    work()
  } catch (error) {
    if (error instanceof Problem) return error.code
    throw error
  }
  return 'allowed'
}

test('registration is open to anybody, to invited people only, or to the addresses of the domains', () => {
  const modes = [configWith({}), configWith({ REGISTRATION: 'invitation' }), byDomains('acme.dev')]
  const asked = ['ada@acme.dev', 'ada@example.com']
  expect(modes.map((config) => asked.map((email) => codeOf(() => requireMayRegister(config, email))))).toEqual([
    ['allowed', 'allowed'],
    ['registration_closed', 'registration_closed'],
    ['allowed', 'registration_domain_not_allowed'],
  ])
  expect(modes.map((config) => codeOf(() => requireDomain(config, 'ada@example.com')))).toEqual([
    'allowed',
    'allowed',
    'registration_domain_not_allowed',
  ])
})

describe('the settings', () => {
  test.each(['', ' , ', 'acme.dev, @acme.com', '*.acme.dev', 'acme', 'ada@acme.dev', 'https://acme.dev'])(
    'malformed domains stop the management API, by name: "%s"',
    (domains) => {
      expect(byDomains(domains).faults).toEqual([
        { feature: 'management', variable: 'REGISTRATION_DOMAINS', reason: expect.any(String) },
      ])
    },
  )

  test('domains are compared in the form in which addresses are stored', () => {
    const { faults, REGISTRATION_DOMAINS } = byDomains(' Acme.DEV,münchen.example ')
    expect(faults).toEqual([])
    expect(REGISTRATION_DOMAINS).toEqual(['acme.dev', 'xn--mnchen-3ya.example'])
  })

  test.each(['closed', 'OPEN', 'invitation '])('the mode %j is refused by name', (mode) => {
    expect(configWith({ REGISTRATION: mode }).faults).toEqual([
      { feature: 'management', variable: 'REGISTRATION', reason: 'is not valid' },
    ])
  })

  test('likely mistakes are reported: domains without their mode, and unconfirmed addresses', () => {
    const noticesOf = (config: ReturnType<typeof readConfig>) =>
      findNotices(config, {}, []).map(({ variable }) => variable)
    expect(noticesOf(configWith({ REGISTRATION_DOMAINS: 'acme.dev' }))).toEqual(['REGISTRATION'])
    expect(noticesOf(byDomains('acme.dev'))).toEqual(['EMAIL_VERIFICATION'])
    expect(noticesOf(configWith({ REGISTRATION: 'invitation' }))).toEqual([])
  })
})
