/** Settings that are well-formed each, and cannot work together. */
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { reportConfig } from '../../src/config-report.ts'
import { logged, REQUIRED } from '../support/settings.ts'

const stoppedBy = (more: object) =>
  readConfig({ ...REQUIRED, ...more }).faults.map(({ feature, variable }) => `${feature}: ${variable}`)
const SECRET = 'z'.repeat(40)

describe('what cannot work is refused by the name of its setting', () => {
  test.each([
    [{ PUBLIC_URL: 'https://api.acme.dev/tollgate' }, ['management: PUBLIC_URL']],
    [{ PUBLIC_URL: 'https://ada:sesame@api.acme.dev' }, ['management: PUBLIC_URL']],
    [{ PUBLIC_URL: 'https://api.acme.dev?a=b' }, ['management: PUBLIC_URL']],
    [{ PUBLIC_URL: 'https://api.acme.dev/' }, []],
    [{ GATEWAY_HOSTS: 'gw.acme.dev, API.example.org' }, ['gateway: GATEWAY_HOSTS']],
    [{ GATEWAY_HOSTS: 'api.example.org:8443' }, []],
    [{ GATEWAY_HOSTS: 'gw.acme.dev:443' }, ['gateway: GATEWAY_HOSTS']],
    [{ GATEWAY_HOSTS: 'gw.acme.dev:99999' }, ['gateway: GATEWAY_HOSTS']],
    [{ KEY_PREFIX: 'oat' }, ['management: KEY_PREFIX']],
    [{ KEY_PREFIX: 'sk' }, ['management: KEY_PREFIX']],
    [{ KEY_PREFIX: 'rt' }, ['management: KEY_PREFIX']],
    [{ KEY_PREFIX: 'oats' }, []],
    [{ SECRET_KEY: REQUIRED.JWT_SECRET_KEY }, ['management: JWT_SECRET_KEY']],
    [{ SECRET_KEYS: `${SECRET},${REQUIRED.JWT_SECRET_KEY}` }, ['management: JWT_SECRET_KEY']],
    [{ SECRET_KEYS: `${SECRET},${REQUIRED.SECRET_KEY}` }, []],
    [{ METRICS_TOKEN: REQUIRED.SECRET_KEY }, ['metrics: METRICS_TOKEN']],
    [{ METRICS_TOKEN: SECRET }, []],
    [
      { STRIPE_SECRET_KEY: 'sk_live_of-a-shop-here', STRIPE_WEBHOOK_SECRET: 'sk_live_of-a-shop-here' },
      ['stripe: STRIPE_WEBHOOK_SECRET'],
    ],
    [{ POLAR_CREDIT_PRODUCT_ID: 'ffffffff-ffff-4fff-8fff-ffffffffffff' }, ['polar: POLAR_CREDIT_PRODUCT_ID']],
    [
      {
        SIGN_IN_PROVIDERS: JSON.stringify([
          { kind: 'oidc', id: 'own', name: 'Own', issuer: REQUIRED.PUBLIC_URL, client_id: 'a', client_secret: 'b' },
        ]),
      },
      ['sign_in: SIGN_IN_PROVIDERS'],
    ],
  ])('%j: %j', (more, stopped) => {
    expect(stoppedBy(more)).toEqual(stopped)
    const { faults } = reportConfig({ ...REQUIRED, ...more })
    expect(faults.map(({ variable, stops }) => `${stops}: ${variable}`)).toEqual(stopped)
    expect(JSON.stringify(faults)).not.toMatch(/sesame|zzzz|yyyy|xxxx/)
  })

  test('and logged as refused, once', () => {
    expect(logged({ ...REQUIRED, SECRET_KEY: REQUIRED.JWT_SECRET_KEY })).toEqual([
      expect.objectContaining({
        event: 'setting_refused',
        variable: 'JWT_SECRET_KEY',
        reason: 'equals SECRET_KEY; each needs a value of its own',
      }),
    ])
  })
})

test('an origin works as browsers write it: small letters, and without the usual port', () => {
  expect(
    readConfig({ ...REQUIRED, CORS_ORIGINS: 'https://App.acme.dev:443,http://localhost:3000' }).CORS_ORIGINS,
  ).toEqual(['https://app.acme.dev', 'http://localhost:3000'])
})
