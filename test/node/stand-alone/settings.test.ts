import { expect, test } from 'vitest'
import { readSettings, withStores } from '../../../local/stand-alone/settings.ts'

const COMPLETE = {
  DATABASE_URL: 'postgresql://tollgate:secret-word@db/tollgate',
  REDIS_URL: 'redis://:secret-word@cache:6379',
  PUBLIC_URL: 'https://api.acme.dev',
  SECRET_KEY: 'a-root-secret-word-of-at-least-32-bytes',
  JWT_SECRET_KEY: 'a-jwt-secret-word-of-at-least-32-bytes',
}

function faultsOf(change: NodeJS.ProcessEnv): string[] {
  const settings = readSettings({ ...COMPLETE, ...change })
  if (!('faults' in settings)) return []
  expect(JSON.stringify(settings)).not.toContain('secret-word')
  return settings.faults.map(({ variable, reason }) => `${variable}: ${reason}`)
}

test('five settings are enough, and the Worker gets only its own', () => {
  const settings = readSettings({
    ...COMPLETE,
    PORT: '',
    HOME: '/root',
    MAIL_PROVIDER: 'none',
    REDIS_TIMEOUT_MS: '500',
  })
  expect(settings).toMatchObject({
    host: '127.0.0.1',
    port: 8_000,
    connections: 20,
    statementMs: 6_000,
    stopMs: 30_000,
  })
  expect(settings).toMatchObject({ trust: { proxies: [], header: 'X-Forwarded-For' }, isPrivateAllowed: false })
  const { PUBLIC_URL, SECRET_KEY, JWT_SECRET_KEY } = COMPLETE
  const worker = { PUBLIC_URL, SECRET_KEY, JWT_SECRET_KEY, MAIL_PROVIDER: 'none', REDIS_TIMEOUT_MS: '500' }
  expect(settings).toHaveProperty('worker', worker)
})

test.each([
  [{ DATABASE_URL: '' }, 'DATABASE_URL: It is missing.'],
  [{ REDIS_URL: undefined }, 'REDIS_URL: It is missing.'],
  [
    { DATABASE_URL: 'mysql://secret-word@db/x' },
    'DATABASE_URL: DATABASE_URL is not an address of that store: it must look like postgresql://user:password@host/name.',
  ],
  [
    { DATABASE_URL: 'postgres://ada:secret-word@db' },
    'DATABASE_URL: DATABASE_URL is not an address of that store: it must look like postgresql://user:password@host/name.',
  ],
  [
    { REDIS_URL: 'redis://cache:6379/secret-word' },
    'REDIS_URL: REDIS_URL is not an address of that store: it must look like redis://host:6379.',
  ],
  [
    { REDIS_SHARD_URLS: 'redis://second:6379/secret-word' },
    'REDIS_SHARD_URLS: Address 1 of REDIS_SHARD_URLS must look like redis://host:6379.',
  ],
  [
    { REDIS_SHARD_URLS: 'redis://second:6379, https://secret-word' },
    'REDIS_SHARD_URLS: Address 2 of REDIS_SHARD_URLS must look like redis://host:6379.',
  ],
  [
    { REDIS_SHARD_URLS: COMPLETE.REDIS_URL },
    'REDIS_SHARD_URLS: Address 1 of REDIS_SHARD_URLS is there twice, or that of REDIS_URL.',
  ],
  [{ SECRET_KEY: 'secret-word' }, 'SECRET_KEY: must have at least 32 bytes'],
  [{ SECRET_KEY: undefined }, 'SECRET_KEY: It is missing.'],
  [{ JWT_SECRET_KEY: undefined }, 'JWT_SECRET_KEY: It is missing, and JWT_KEYS as well.'],
  [{ JWT_SECRET_KEY: undefined, JWT_SECRET: 'secret-word' }, 'JWT_SECRET: must have at least 32 bytes'],
  [{ PUBLIC_URL: 'http://api.acme.dev' }, 'PUBLIC_URL: must be https, except on this machine'],
  [{ PUBLIC_URL: 'https://tollgate.example.com' }, "PUBLIC_URL: is still the example's"],
  [{ PORT: 'http' }, 'PORT: It must be a whole number above zero.'],
  [{ PORT: '65536' }, 'PORT: It must be at most 65535.'],
  [{ DATABASE_CONNECTIONS: '0' }, 'DATABASE_CONNECTIONS: It must be a whole number above zero.'],
  [{ STOP_TIMEOUT_SECONDS: '601' }, 'STOP_TIMEOUT_SECONDS: It must be at most 600.'],
  [
    { TRUSTED_PROXIES: '10.0.0.0/8, proxy' },
    'TRUSTED_PROXIES: It must be addresses or CIDR blocks, separated by commas, such as 10.0.0.0/8.',
  ],
  ...['0.0.0.0/0', '10.0.0.0/8, ::/0'].map((TRUSTED_PROXIES): [NodeJS.ProcessEnv, string] => [
    { TRUSTED_PROXIES },
    'TRUSTED_PROXIES: It must not be every address: each client would then choose its own.',
  ]),
  [{ HOST: 'foo bar' }, 'HOST: It must be an address of this machine or a host name, such as 0.0.0.0.'],
  [{ CLIENT_ADDRESS_HEADER: 'X Y' }, 'CLIENT_ADDRESS_HEADER: It must be the name of a header.'],
  [{ ALLOW_PRIVATE_NETWORK: 'yes' }, 'ALLOW_PRIVATE_NETWORK: It must be true or false.'],
  [{ ON_LIMITER_OUTAGE: 'shut' }, 'ON_LIMITER_OUTAGE: must be one of `open`, `closed`'],
])('%o is refused by name', (change, fault) => {
  expect(faultsOf(change)).toEqual([fault])
})

test.each(['::', '0.0.0.0', 'localhost', 'fe80::1'])('HOST=%s is accepted', (HOST) => {
  expect(readSettings({ ...COMPLETE, HOST })).toMatchObject({ host: HOST })
})

test('with more Redis databases the Worker knows how to reach each, and not where they are', () => {
  const REDIS_SHARD_URLS = 'redis://:secret-word@second:6379, redis://third:6379/4,'
  const settings = readSettings({ ...COMPLETE, REDIS_SHARD_URLS })
  expect(settings).toMatchObject({ redisShardUrls: ['redis://:secret-word@second:6379', 'redis://third:6379/4'] })
  const given = withStores({}, { host: 'stores.internal', secret: 'of-this-start', hasReplica: false, shards: 2 })
  expect(JSON.parse(given.REDIS_SHARDS)).toEqual([
    { url: 'https://stores.internal/redis-2', token: 'of-this-start' },
    { url: 'https://stores.internal/redis-3', token: 'of-this-start' },
  ])
})

test('all errors are reported at once, and a side feature that cannot work does not prevent the start', () => {
  expect(faultsOf({ DATABASE_URL: '', SECRET_KEY: '', PORT: '0' }).map((fault) => fault.split(':')[0])).toEqual([
    'DATABASE_URL',
    'PORT',
    'SECRET_KEY',
  ])
  expect(faultsOf({ MAIL_PROVIDER: 'resend' })).toEqual([])
})
