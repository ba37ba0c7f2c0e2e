import { describe, expect, test } from 'vitest'
import { isPolarSigned, isStripeSigned } from '../../../../src/billing/webhooks/signatures.ts'
import { utf8 } from '../../../../src/lib/bytes.ts'

const AT = 1793491200
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const BODY = '{"type":"subscription.active","timestamp":"2026-11-01T00:00:00Z","data":{"id":"sub_1"}}'
const POLAR = {
  'webhook-id': '0b5c9d3e-6a53-4f0e-9a4a-2f7d6f1f6a10',
  'webhook-timestamp': String(AT),
  'webhook-signature': 'v1,bl3ex3C+SMTU2dJDCBy26ZovfQRXvQAS0UmyI0q8KlQ=',
}
const OF_STANDARD = 'v1,BjgOeZVr0wYJKAXhjImrawOD1YtbVDU3Apmg8kp45gI='
const OTHER = `v1,${'A'.repeat(43)}=`

interface Changes {
  readonly headers?: Record<string, string>
  readonly body?: string
  readonly secrets?: string[]
  readonly seconds?: number
}

function polar({ headers = {}, body = BODY, secrets = [SECRET], seconds = AT }: Changes = {}) {
  const delivery = { headers: new Headers({ ...POLAR, ...headers }), body: utf8(body), now: seconds * 1000 }
  return isPolarSigned(secrets, delivery)
}

describe('Polar', () => {
  test("the key is the whole secret as shown, or the standard's part of it in base64", async () => {
    expect(await polar()).toBe(true)
    expect(await polar({ headers: { 'webhook-signature': OF_STANDARD } })).toBe(true)
  })

  test('the reference of Standard Webhooks verifies', async () => {
    const headers = {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    }
    expect(await polar({ headers, body: '{"test": 2432232314}', seconds: 1614265330 })).toBe(true)
  })

  test('300 s in either direction are accepted, 301 s are not', async () => {
    expect(await polar({ seconds: AT + 300 })).toBe(true)
    expect(await polar({ seconds: AT + 301 })).toBe(false)
    expect(await polar({ seconds: AT - 300 })).toBe(true)
    expect(await polar({ seconds: AT - 301 })).toBe(false)
  })

  test('one valid signature among several is enough, and one valid secret: the old one until it is removed', async () => {
    const both = `${OTHER} v1a,whatever ${POLAR['webhook-signature']}`
    expect(await polar({ headers: { 'webhook-signature': both } })).toBe(true)
    expect(await polar({ secrets: ['another-secret-of-ours', SECRET] })).toBe(true)
    expect(await polar({ secrets: ['another-secret-of-ours'] })).toBe(false)
    expect(await polar({ secrets: [] })).toBe(false)
  })

  test.each([
    ['another body', { body: `${BODY} ` }],
    ['another event', { headers: { 'webhook-id': 'evt_2' } }],
    ['another time than was signed', { headers: { 'webhook-timestamp': String(AT + 1) } }],
    ['no id', { headers: { 'webhook-id': '' } }],
    ['an id with a full stop', { headers: { 'webhook-id': 'a.b' } }],
    ['a time in words', { headers: { 'webhook-timestamp': '2026-11-01T00:00:00Z' } }],
    ['a time with a fraction', { headers: { 'webhook-timestamp': `${AT}.0` } }],
    ['no signature', { headers: { 'webhook-signature': '' } }],
    [
      'a signature of another version',
      { headers: { 'webhook-signature': 'v2,bl3ex3C+SMTU2dJDCBy26ZovfQRXvQAS0UmyI0q8KlQ=' } },
    ],
    [
      'a signature in other base64',
      { headers: { 'webhook-signature': 'v1,bl3ex3C-SMTU2dJDCBy26ZovfQRXvQAS0UmyI0q8KlQ=' } },
    ],
    [
      'a good one after eight others',
      { headers: { 'webhook-signature': `${`${OTHER} `.repeat(8)}${POLAR['webhook-signature']}` } },
    ],
  ])('%s is refused', async (_, changes) => {
    expect(await polar(changes)).toBe(false)
  })

  test('a short custom secret is never mistaken for base64', async () => {
    const key = await crypto.subtle.importKey(
      'raw',
      Uint8Array.from(atob('abcd'), (c) => c.charCodeAt(0)),
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['sign'],
    )
    const signed = await crypto.subtle.sign('HMAC', key, utf8(`${POLAR['webhook-id']}.${AT}.${BODY}`))
    const signature = `v1,${btoa(String.fromCharCode(...new Uint8Array(signed)))}`
    expect(await polar({ secrets: ['abcd'], headers: { 'webhook-signature': signature } })).toBe(false)
  })
})

const STRIPE_BODY = '{"id":"evt_test_1","object":"event","type":"customer.subscription.updated"}'
const V1 = '2f00ee4d27217761294ae38ef0728c6ba114376ac80897516e1e46f136d694c2'
const WRONG = '0'.repeat(64)

function stripe(header: string, seconds = AT, secrets = ['whsec_test_secret'], body = STRIPE_BODY) {
  return isStripeSigned(secrets, {
    headers: new Headers({ 'Stripe-Signature': header }),
    body: utf8(body),
    now: seconds * 1000,
  })
}

describe('Stripe', () => {
  test('the key is the whole secret, and any valid v1 is enough; v0 and unknown names are skipped', async () => {
    expect(await stripe(`t=${AT},v1=${V1}`)).toBe(true)
    expect(await stripe(`t=${AT},v1=${WRONG},v1=${V1},v0=${WRONG},x=1`)).toBe(true)
    expect(await stripe(`t=${AT},v1=${V1}`, AT, ['whsec_another_secret', 'whsec_test_secret'])).toBe(true)
  })

  test('300 s in either direction are accepted, 301 s are not', async () => {
    expect(await stripe(`t=${AT},v1=${V1}`, AT + 300)).toBe(true)
    expect(await stripe(`t=${AT},v1=${V1}`, AT + 301)).toBe(false)
    expect(await stripe(`t=${AT},v1=${V1}`, AT - 300)).toBe(true)
    expect(await stripe(`t=${AT},v1=${V1}`, AT - 301)).toBe(false)
  })

  test.each([
    ['nothing', ''],
    ['no time', `v1=${V1}`],
    ['two times', `t=${AT},t=${AT},v1=${V1}`],
    ['another time than was signed', `t=${AT + 1},v1=${V1}`],
    ['no v1', `t=${AT},v0=${V1}`],
    ['capital letters', `t=${AT},v1=${V1.toUpperCase()}`],
    ['spaces', `t=${AT}, v1=${V1}`],
    ['a wrong one', `t=${AT},v1=${WRONG}`],
  ])('%s is refused', async (_, header) => {
    expect(await stripe(header)).toBe(false)
  })

  test('another body or secret is refused', async () => {
    expect(await stripe(`t=${AT},v1=${V1}`, AT, ['whsec_test_secret'], `${STRIPE_BODY}\n`)).toBe(false)
    expect(await stripe(`t=${AT},v1=${V1}`, AT, ['test_secret'])).toBe(false)
  })
})
