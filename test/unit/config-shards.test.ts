import { expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { logged, REQUIRED, refusal } from '../support/settings.ts'

const shard = (name: string) => ({ url: `https://${name}.upstash.io`, token: 'a-token' })

test('more Redis databases are a list of addresses and tokens; without it there is one', () => {
  const shards = [shard('second'), shard('third')]
  expect(readConfig({ ...REQUIRED, REDIS_SHARDS: JSON.stringify(shards) }).REDIS_SHARDS).toEqual(shards)
  for (const none of [{}, { REDIS_SHARDS: '' }]) expect(readConfig({ ...REQUIRED, ...none }).REDIS_SHARDS).toEqual([])
})

test.each([
  ['no list', '{}', 'is not a JSON list'],
  ['no JSON', 'https://second.upstash.io', 'is not a JSON list'],
  ['plain HTTP', JSON.stringify([{ ...shard('x'), url: 'http://second.upstash.io' }]), 'is wrong in database 1: url'],
  ['no token', JSON.stringify([shard('x'), { url: 'https://y.upstash.io' }]), 'is wrong in database 2: token'],
  ['the token of the example', JSON.stringify([{ ...shard('x'), token: 'replace-me' }]), 'is still the placeholder'],
  ['a field too many', JSON.stringify([{ ...shard('x'), region: 'eu' }]), 'region is not known'],
  ['one twice', JSON.stringify([shard('x'), shard('x')]), 'names a database twice'],
  ['too many', JSON.stringify(Array.from({ length: 32 }, (_, at) => shard(`x${at}`))), 'at most 31'],
])(
  'with %s the remaining databases decide nothing on their own: the deployment reports what is wrong',
  (_, REDIS_SHARDS, why) => {
    const { code, message } = refusal({ ...REQUIRED, REDIS_SHARDS })
    expect([code, message]).toEqual(['misconfigured', expect.stringContaining(why)])
    expect(message).not.toContain('a-token')
  },
)

test('repeating the first database among the others is most likely a mistake', () => {
  const REDIS_SHARDS = JSON.stringify([{ url: REQUIRED.UPSTASH_REDIS_REST_URL, token: 'a-token' }])
  expect(logged({ ...REQUIRED, REDIS_SHARDS })).toMatchObject([
    { event: 'setting_suspicious', variable: 'REDIS_SHARDS' },
  ])
})
