import { describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { ELLIPTIC } from '../support/jwk.ts'
import { logged, namesIn, REQUIRED } from '../support/settings.ts'

describe("another system's name for a setting", () => {
  const NAMES = [
    ['POSTGRES_URL', 'DATABASE_URL', 'postgres://other:sesame@db.example.org/shop'],
    ['JWT_SECRET', 'JWT_SECRET_KEY', `sesame-${'z'.repeat(32)}`],
  ] as const

  test.each(NAMES)(
    '%s is used for %s if that one is unset or empty, and nothing is logged about it',
    (alias, name, value) => {
      for (const unset of [undefined, '']) {
        const env = { ...REQUIRED, [name]: unset, [alias]: value }
        expect(logged(env)).toEqual([])
        expect(readConfig(env)[name]).toBe(value)
      }
    },
  )

  test.each(NAMES)('%s is ignored if %s is set: one log line says so if the two differ', (alias, name, value) => {
    const env = { ...REQUIRED, [alias]: value }
    const lines = logged(env)
    expect(readConfig(env)[name]).toBe(REQUIRED[name])
    const reason = `is ignored: ${name} is set, and differs`
    expect(lines).toEqual([{ level: 'warn', event: 'setting_suspicious', variable: alias, reason }])
    expect(JSON.stringify(lines)).not.toContain('sesame')
    expect(logged({ ...REQUIRED, [alias]: REQUIRED[name] })).toEqual([])
  })

  test('JWT_SECRET is ignored if JWT_KEYS signs', () => {
    const env = {
      ...REQUIRED,
      JWT_SECRET_KEY: undefined,
      JWT_KEYS: JSON.stringify({ keys: [ELLIPTIC] }),
      JWT_SECRET: 'z'.repeat(32),
    }
    const reason = 'is ignored: JWT_KEYS is set, and differs'
    expect(logged(env)).toMatchObject([{ variable: 'JWT_SECRET', reason }])
    expect(readConfig(env)).toMatchObject({ JWT_SECRET_KEY: undefined, JWT_KEYS: expect.anything() })
  })

  test.each(NAMES)('a wrong %s is refused under the name that was given', (alias, name) => {
    const env = { ...REQUIRED, [name]: undefined, [alias]: 'sesame' }
    if (name === 'DATABASE_URL') expect(namesIn(env)).toEqual([alias])
    else expect(readConfig(env).faults).toMatchObject([{ feature: 'management', variable: alias }])
  })
})
