import { expect, test } from 'vitest'
import { findStartNotices } from '../../../local/stand-alone/notices.ts'
import { reportConfig } from '../../../src/config-report.ts'
import { REQUIRED } from '../../support/settings.ts'

const told = (more: Record<string, string>) =>
  reportConfig({ ...REQUIRED, ...more }).notices.map(({ variable, reason }) => `${variable} ${reason}`)
const toldAtStart = (env: Record<string, string>) =>
  findStartNotices(env).map(({ variable, reason }) => `${variable} ${reason}`)

test('a name that nothing reads is told with the nearest that is known', () => {
  expect(told({ MAIL_FORM: 'x' })).toEqual(['MAIL_FORM is not known; did you mean MAIL_FROM?'])
  expect(told({ STRIPE_KEY: 'x' })).toEqual([
    'STRIPE_KEY is not known, and nothing reads it; the nearest setting is STRIPE_SECRET_KEY',
  ])
  expect(told({ MAIL_SENDER_ADDRESS: 'x' })).toEqual([
    expect.stringMatching(/^MAIL_SENDER_ADDRESS is not known, and nothing reads it; the nearest setting is MAIL_/),
  ])
})

test('also where something else stops everything', () => {
  expect(told({ SECRET_KEY: 'short', MAIL_FORM: 'x' })).toEqual(['MAIL_FORM is not known; did you mean MAIL_FROM?'])
})

test('npm start tells it of its own settings too, and of those that only Cloudflare reads', () => {
  expect(toldAtStart({ REDIS_SHARD_URL: 'x', MAIL_FORM: 'x', TRUSTED_PROXY: 'x', REDIS_SHARDS: '[]' })).toEqual([
    'REDIS_SHARD_URL is not known; did you mean REDIS_SHARD_URLS?',
    'MAIL_FORM is not known; did you mean MAIL_FROM?',
    'TRUSTED_PROXY is not known; did you mean TRUSTED_PROXIES?',
    'REDIS_SHARDS is not read by npm start; REDIS_SHARD_URLS takes its place',
  ])
})

test('nothing is told of what others read: machines, shells, npm and orchestrators', () => {
  const others = `HOME HOSTNAME POST PATH LANG PWD SHLVL TERM NODE_ENV NODE_OPTIONS PORT HOST CI TZ PGHOST
    npm_config_user_agent npm_lifecycle_event npm_package_name KUBERNETES_SERVICE_HOST REDIS_SERVICE_HOST MAIL_SERVICE_PORT
    REDIS_PORT_6379_TCP_ADDR AWS_SECRET_ACCESS_KEY CLOUDFLARE_API_TOKEN CLOUDFLARE_ACCOUNT_ID GITHUB_TOKEN
    POSTGRES_PASSWORD ADMIN_EMAIL`
  const foreign = Object.fromEntries(others.split(/\s+/).map((name) => [name, 'x']))
  expect(toldAtStart({ ...foreign, MAIL_PORT: 'tcp://10.0.0.1:25' })).toEqual([])
})
