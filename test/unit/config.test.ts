import { describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { logged, namesIn, REQUIRED, refusal } from '../support/settings.ts'

const faultsIn = (more: object) => readConfig({ ...REQUIRED, ...more }).faults
/** The disabled features, and by which variables. */
const stoppedBy = (more: object) => faultsIn(more).map(({ feature, variable }) => `${feature}: ${variable}`)
const isTaken = (more: object) => {
  try {
    return faultsIn(more).length === 0
  } catch {
    return false
  }
}

/** Without them only verification works. */
const OF_MANAGEMENT = ['JWT_SECRET_KEY', 'PUBLIC_URL']

describe('required settings', () => {
  test.each(Object.keys(REQUIRED).filter((name) => !OF_MANAGEMENT.includes(name)))(
    '%s: if it is missing or empty, only it is named',
    (name) => {
      for (const value of [undefined, '', null, 0, {}]) expect(namesIn({ ...REQUIRED, [name]: value })).toEqual([name])
    },
  )

  test.each(OF_MANAGEMENT)('%s: if it is missing or empty, management is off', (name) => {
    for (const value of ['', null, 0, {}]) expect(stoppedBy({ [name]: value })).toEqual([`management: ${name}`])
  })

  test('all missing or wrong settings are named at once, as a deployment that is not configured', () => {
    const single = Object.keys(REQUIRED).filter((name) => name !== 'JWT_SECRET_KEY')
    expect(namesIn({})).toEqual([...single, 'JWT_KEYS', 'JWT_SECRET_KEY'])
    expect(namesIn({ ...REQUIRED, SECRET_KEY: 'short', KEY_PREFIX: 'UP' })).toEqual(['SECRET_KEY', 'KEY_PREFIX'])
    expect(refusal({})).toMatchObject({ code: 'misconfigured', status: 503 })
    expect(refusal({}).message).toContain('.dev.vars.example')
  })

  test('nothing else is required', () => {
    expect(readConfig({ ...REQUIRED })).toMatchObject({
      ...REQUIRED,
      REDIS_TIMEOUT_MS: 300,
      DATABASE_TIMEOUT_MS: 5_000,
      REQUEST_BUDGET_MS: 15_000,
      BREACHED_PASSWORDS_TIMEOUT_MS: 1_000,
      CORS_ORIGINS: [],
      KEY_PREFIX: 'ck',
      ON_LIMITER_OUTAGE: 'open',
      USAGE_RETENTION_DAYS: 90,
      AUDIT_RETENTION_DAYS: 730,
      EMAIL_VERIFICATION: 'optional',
      ADMIN_REQUIRES_TWO_FACTOR: false,
      MAIL_PROVIDER: 'none',
      MAIL_API_URL: 'https://api.resend.com/emails',
      MAIL_API_KEY: '',
      MAIL_FROM: 'Tollgate <no-reply@localhost>',
      SERVICE_NAME: 'tollgate',
    })
  })
})

test('a value is never in the message, whichever variable is wrong and however', () => {
  const marked = Object.keys(REQUIRED).map((name) => [name, `sesame-${name.toLowerCase()}`])
  const wrong = {
    ...Object.fromEntries(marked),
    SECRET_KEY: 'sesame',
    REDIS_TIMEOUT_MS: 'sesame',
    KEY_PREFIX: 'SESAME',
  }
  const { message, extra } = refusal(wrong)
  expect(`${message}${JSON.stringify(extra)}`.toLowerCase()).not.toContain('sesame')
})

test('an environment is read once: the same object gives the same configuration', () => {
  const env = { ...REQUIRED }
  expect(readConfig(env)).toBe(readConfig(env))
  expect(readConfig({ ...env })).not.toBe(readConfig(env))
})

describe('secrets', () => {
  test.each(['JWT_SECRET_KEY', 'SECRET_KEY'])('%s has at least 32 bytes', (name) => {
    const lengths = [0, 1, 31, 32, 33, 1_000]
    expect(lengths.filter((length) => isTaken({ [name]: 'z'.repeat(length) }))).toEqual([32, 33, 1_000])
    expect(['é'.repeat(15), 'é'.repeat(16)].map((secret) => isTaken({ [name]: secret }))).toEqual([false, true])
  })

  test.each([
    ['JWT_SECRET_KEY', 'replace-with-a-random-secret'],
    ['JWT_SECRET_KEY', 'replace-with-a-random-secret-of-at-least-32-bytes'],
    ['SECRET_KEY', 'replace-with-another-random-secret'],
    ['UPSTASH_REDIS_REST_TOKEN', 'replace-with-the-token'],
  ])('the placeholder of %s is refused: %s', (name, placeholder) => {
    if (OF_MANAGEMENT.includes(name)) expect(stoppedBy({ [name]: placeholder })).toEqual([`management: ${name}`])
    else expect(namesIn({ ...REQUIRED, [name]: placeholder })).toEqual([name])
  })
})

describe('addresses', () => {
  test.each(['UPSTASH_REDIS_REST_URL', 'PUBLIC_URL', 'NEON_FETCH_ENDPOINT', 'BREACHED_PASSWORDS_URL'])(
    '%s is HTTPS; plain HTTP is only for this machine',
    (name) => {
      const good = [
        'https://a.example.com',
        `http://localhost:8001${name === 'PUBLIC_URL' ? '' : '/redis'}`,
        'http://127.0.0.1:8001',
        'http://[::1]:8001',
      ]
      const bad = [
        'http://a.example.com',
        'http://localhost.example.com',
        'http://127.0.0.1.example.com',
        'http://127.0.0.1@example.com',
        'http://localhost@example.com',
        'http://10.0.0.1',
        'http://0.0.0.0:8001',
        'ftp://localhost',
        'javascript:alert(1)',
        'a.example.com',
        '//a.example.com',
      ]
      expect([...good, ...bad].filter((url) => isTaken({ [name]: url }))).toEqual(good)
    },
  )

  test('DATABASE_URL is a Postgres address', () => {
    const good = ['postgres://a:b@c/d', 'postgresql://a:b@c.neon.tech/d?sslmode=require']
    const bad = ['mysql://a:b@c/d', 'https://a:b@c/d', 'postgresq://a:b@c/d', 'a:b@c/d']
    expect([...good, ...bad].filter((url) => isTaken({ DATABASE_URL: url }))).toEqual(good)
  })

  test('PUBLIC_URL ends without a slash, since the issuer of tokens must always be the same text', () => {
    const urls = ['https://a.example.com', 'https://a.example.com/', 'https://a.example.com///']
    expect(new Set(urls.map((url) => readConfig({ ...REQUIRED, PUBLIC_URL: url }).PUBLIC_URL))).toEqual(
      new Set(['https://a.example.com']),
    )
  })
})

describe('the rest', () => {
  test.each([
    ['REDIS_TIMEOUT_MS', ['10', '300', '10000'], ['9', '10001', '-1', '1.5', 'fast', '', '1e9']],
    ['DATABASE_TIMEOUT_MS', ['100', '30000'], ['99', '30001', '']],
    ['REQUEST_BUDGET_MS', ['1000', '60000'], ['999', '60001', '']],
    ['BREACHED_PASSWORDS_TIMEOUT_MS', ['100', '10000'], ['99', '10001', '']],
    ['USAGE_RETENTION_DAYS', ['40', '3650'], ['39', '3651', '', 'forever']],
    ['AUDIT_RETENTION_DAYS', ['90', '3650'], ['89', '3651', '', 'forever']],
    ['KEY_PREFIX', ['ck', 'a1', 'abcdefg8'], ['c', 'abcdefgh9', '1k', 'CK', 'c_k', 'c-k', '', 'ck ']],
    ['ADMIN_REQUIRES_TWO_FACTOR', ['true', 'false'], ['', 'yes', '1', 'True']],
    ['IMPORTED_KEYS', ['true', 'false'], ['', 'yes', 'TRUE']],
    ['ON_LIMITER_OUTAGE', ['open', 'closed'], ['', 'Open', 'true']],
    ['SERVICE_NAME', ['Example API'], ['']],
    ['BRAND_NAME', ['Acme', 'x'.repeat(100)], ['', ' ', 'x'.repeat(101)]],
    ['BRAND_COLOR', ['#16f', '#1A6cff'], ['', '16f', '#16', '#1a6cff0', 'red', '#16f;']],
    [
      'BRAND_LOGO_URL',
      ['https://acme.example/logo.svg'],
      ['', 'http://acme.example/logo.svg', '//acme.example', 'javascript:alert(1)', 'data:image/png;base64,AAAA'],
    ],
  ])('%s: %j and not %j', (name, good, bad) => {
    expect([...good, ...bad].filter((value) => isTaken({ [name]: value }))).toEqual(good)
  })

  test.each([
    ['', []],
    [' , ,', []],
    ['*', ['*']],
    ['https://a.example.com', ['https://a.example.com']],
    ['https://a.dev/', ['https://a.dev']], // browsers send no slash
    [' https://a.example.com ,https://b.example.com,', ['https://a.example.com', 'https://b.example.com']],
  ])('CORS_ORIGINS %j is a list: %j', (text, origins) => {
    expect(readConfig({ ...REQUIRED, CORS_ORIGINS: text }).CORS_ORIGINS).toEqual(origins)
  })

  test('the error says which key of a secret scanner is wrong, and how, never its content', () => {
    const public_keys = [{ key_identifier: 'a', key: 'very private', is_current: true }]
    const config = readConfig({ ...REQUIRED, LEAK_REPORT_KEYS: JSON.stringify({ public_keys }) })
    expect(config.LEAK_REPORT_KEYS).toBeUndefined()
    expect(config.faults).toEqual([
      {
        feature: 'secret_scanning',
        variable: 'LEAK_REPORT_KEYS',
        reason: 'key 1 has no PEM of a P-256 public key in key',
      },
    ])
  })

  test('unknown variables and bindings are ignored', () => {
    expect(readConfig({ ...REQUIRED, SOMETHING_ELSE: {} })).not.toHaveProperty('SOMETHING_ELSE')
  })
})

describe('payments', () => {
  const POLAR = { POLAR_ACCESS_TOKEN: 'polar_oat_x', POLAR_WEBHOOK_SECRET: 'polar_whs_old-secret,polar_whs_new-secret' }
  const STRIPE = { STRIPE_SECRET_KEY: 'sk_live_x', STRIPE_WEBHOOK_SECRET: 'whsec_some-secret' }

  test('a key without its webhook secret, or vice versa, disables only that provider', () => {
    for (const more of [{}, POLAR, STRIPE, { ...POLAR, ...STRIPE }]) expect(isTaken(more)).toBe(true)
    for (const [name, value] of Object.entries(POLAR)) {
      expect(stoppedBy({ [name]: value, ...STRIPE })).toEqual(['polar: POLAR_WEBHOOK_SECRET'])
      expect(readConfig({ ...REQUIRED, [name]: value, ...STRIPE })).toMatchObject({
        POLAR_WEBHOOK_SECRET: [],
        STRIPE_SECRET_KEY: STRIPE.STRIPE_SECRET_KEY,
      })
      expect(readConfig({ ...REQUIRED, [name]: value }).POLAR_ACCESS_TOKEN).toBeUndefined()
    }
    for (const [name, value] of Object.entries(STRIPE))
      expect(stoppedBy({ [name]: value })).toEqual(['stripe: STRIPE_WEBHOOK_SECRET'])
  })

  test('several secrets are valid during a rotation; a short one or a placeholder is not', () => {
    expect(readConfig({ ...REQUIRED, ...POLAR }).POLAR_WEBHOOK_SECRET).toEqual([
      'polar_whs_old-secret',
      'polar_whs_new-secret',
    ])
    for (const bad of ['fifteen-letters', 'whsec_some-secret,short', 'replace-with-the-secret'])
      expect(stoppedBy({ ...STRIPE, STRIPE_WEBHOOK_SECRET: bad })).toContain('stripe: STRIPE_WEBHOOK_SECRET')
    expect(isTaken({ BILLING_GRACE_DAYS: '91' })).toBe(false)
  })
})

describe('a setting that cannot work disables its feature, by name, and verification continues', () => {
  const MAIL = { MAIL_PROVIDER: 'resend', MAIL_API_KEY: 're_x', MAIL_FROM: 'Acme <no-reply@acme.dev>' }

  test.each([
    [{ ...MAIL, MAIL_API_KEY: '' }, ['mail: MAIL_API_KEY']],
    [{ ...MAIL, MAIL_FROM: undefined }, ['mail: MAIL_FROM']],
    [{ ...MAIL, MAIL_FROM: 'Acme <no-reply@example.com>' }, ['mail: MAIL_FROM']],
    [{ ...MAIL, MAIL_FROM: 'no-reply@acme.dev' }, []],
    [{ ...MAIL, MAIL_PROVIDER: 'sendgrid' }, ['mail: MAIL_PROVIDER']],
    [{ ...MAIL, MAIL_PROVIDER: 'http', MAIL_API_KEY: undefined }, ['mail: MAIL_API_URL']],
    [{ ...MAIL, MAIL_PROVIDER: 'http', MAIL_API_URL: 'https://mail.acme.dev/send' }, []],
    [{ ...MAIL, MAIL_API_URL: 'http://mail.acme.dev' }, ['mail: MAIL_API_URL']],
    [{ CORS_ORIGINS: 'https://app.acme.dev/login' }, ['cors: CORS_ORIGINS']],
    [{ CORS_ORIGINS: 'https://*.acme.dev' }, ['cors: CORS_ORIGINS']],
    [{ CORS_ORIGINS: 'app.acme.dev' }, ['cors: CORS_ORIGINS']],
    [{ CORS_ORIGINS: 'capacitor://localhost, http://localhost:3000' }, []],
    [{ BREACHED_PASSWORDS_URL: 'http://api.pwnedpasswords.com/range' }, ['breached_passwords: BREACHED_PASSWORDS_URL']],
    [{ STRIPE_SECRET_KEY: 'replace-with-it' }, ['stripe: STRIPE_SECRET_KEY', 'stripe: STRIPE_WEBHOOK_SECRET']],
    [{ PUBLIC_URL: 'https://tollgate.example.com' }, ['management: PUBLIC_URL']],
  ])('%j: %j', (more, stopped) => {
    expect(new Set(stoppedBy(more))).toEqual(new Set(stopped))
  })

  test('a disabled feature is as if it had never been set', () => {
    const config = readConfig({ ...REQUIRED, ...MAIL, MAIL_API_KEY: '', CORS_ORIGINS: 'https://a.dev/x,https://b.dev' })
    expect(config).toMatchObject({ MAIL_PROVIDER: 'none', CORS_ORIGINS: [] })
  })

  test('a setting that verification needs is refused as well, and both are named', () => {
    expect(namesIn({ ...REQUIRED, SECRET_KEY: 'short', MAIL_PROVIDER: 'sendgrid' })).toEqual([
      'SECRET_KEY',
      'MAIL_PROVIDER',
    ])
  })
})

describe('likely mistakes are logged once per isolate', () => {
  test.each([
    [{ ON_LIMITER_OUTGAE: 'closed' }, 'ON_LIMITER_OUTGAE', 'is not known; did you mean ON_LIMITER_OUTAGE?'],
    [{ POLAR_WEBHOK_SECRET: 'x' }, 'POLAR_WEBHOK_SECRET', 'is not known; did you mean POLAR_WEBHOOK_SECRET?'],
    [{ cors_origins: '*' }, 'cors_origins', 'is not known; did you mean CORS_ORIGINS?'],
    [{ MAIL_API_KEY: 're_x' }, 'MAIL_PROVIDER', expect.stringContaining('mails wait')],
    [{ EMAIL_VERIFICATION: 'required' }, 'EMAIL_VERIFICATION', expect.stringContaining('nobody new can sign in')],
    [{ EMAIL_VERIFICATION: 'keys' }, 'EMAIL_VERIFICATION', expect.stringContaining('nobody new gets a key')],
  ])('%j', (more, variable, reason) => {
    expect(logged({ ...REQUIRED, ...more })).toEqual([{ level: 'warn', event: 'setting_suspicious', variable, reason }])
  })

  test('a setting that cannot work is logged as an error that names the feature it disables', () => {
    expect(logged({ ...REQUIRED, CORS_ORIGINS: 'https://a.dev/sesame' })).toEqual([
      expect.objectContaining({ event: 'setting_refused', variable: 'CORS_ORIGINS', stopped: 'cors' }),
    ])
  })

  test('nothing is logged for good settings, or for names that resemble no setting', () => {
    expect(logged({ ...REQUIRED, NAME: 'x', STACK_URL: 'x', CF_PAGES: '1', BUCKET: {} })).toEqual([])
  })
})

describe('root secrets', () => {
  const [one, two] = ['1'.repeat(32), '2'.repeat(32)]

  test('the first of SECRET_KEYS replaces SECRET_KEY, which still decrypts as the last one', () => {
    expect(readConfig({ ...REQUIRED, SECRET_KEYS: `${one}, ${two}` })).toMatchObject({
      SECRET_KEY: one,
      SECRET_KEYS: [one, two, REQUIRED.SECRET_KEY],
    })
    const { SECRET_KEY: _, ...without } = REQUIRED
    expect(readConfig({ ...without, SECRET_KEYS: one })).toMatchObject({ SECRET_KEY: one, SECRET_KEYS: [one] })
    expect(readConfig({ ...REQUIRED })).toMatchObject({ SECRET_KEY: REQUIRED.SECRET_KEY, SECRET_KEYS: [] })
  })

  test.each(['short', `${'1'.repeat(32)},short`, 'replace-with-another-random-secret', ' , '])(
    'a list with a malformed secret is refused under its name: %s',
    (SECRET_KEYS) => {
      const { SECRET_KEY: _, ...without } = REQUIRED
      expect(namesIn({ ...without, SECRET_KEYS })).toEqual(['SECRET_KEYS'])
    },
  )
})
