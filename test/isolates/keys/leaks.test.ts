import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../../src/lib/bytes.ts'
import { enforceRateLimits } from '../../../src/limits/endpoint-limits.ts'
import { newKey } from '../../../src/verification/key-format.ts'
import { directly } from '../../support/direct.ts'
import { call, newKeyHolder, newUser, randomIp, verify } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'
import { mailsTo, mailTo } from '../../support/mail.ts'
import { workerWith } from '../../support/variant.ts'

const LEAKED = 'POST /api/v1/keys/leaked'
const SUBJECT = /^A leaked API key was disabled/
const URL_FOUND = 'https://github.com/octocat/Hello-World/blob/12345600/foo/bar.txt'

const scanner = await newScanner('current')
const worker = workerWith({ LEAK_REPORT_KEYS: JSON.stringify({ public_keys: [scanner.published] }) })

async function newScanner(id: string) {
  const pair = (await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ])) as CryptoKeyPair
  const spki = new Uint8Array((await crypto.subtle.exportKey('spki', pair.publicKey)) as ArrayBuffer)
  const lines = base64(spki)
    .match(/.{1,64}/g)
    ?.join('\n')
  const key = `-----BEGIN PUBLIC KEY-----\n${lines}\n-----END PUBLIC KEY-----\n`

  async function sign(body: string) {
    const raw = await crypto.subtle.sign(
      { name: 'ECDSA', hash: 'SHA-256' },
      pair.privateKey,
      new TextEncoder().encode(body),
    )
    return base64(derOf(new Uint8Array(raw)))
  }

  return { sign, published: { key_identifier: id, key, is_current: true } }
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
}

function derOf(raw: Uint8Array): Uint8Array {
  const integer = (bytes: Uint8Array) => {
    const start = bytes.findIndex((byte) => byte !== 0)
    const rest = [...bytes.subarray(start)]
    const value = (rest[0] ?? 0) > 0x7f ? [0, ...rest] : rest
    return [2, value.length, ...value]
  }
  const body = [...integer(raw.subarray(0, 32)), ...integer(raw.subarray(32))]
  return Uint8Array.from([0x30, body.length, ...body])
}

const find = (token: string, url = URL_FOUND) => ({ token, type: 'tollgate_api_key', url, source: 'content' })

async function report(finds: unknown, headers: Record<string, string> = {}) {
  const body = typeof finds === 'string' ? finds : JSON.stringify(finds)
  const answer = await worker.call(LEAKED, body, undefined, {
    'Github-Public-Key-Identifier': 'current',
    'Github-Public-Key-Signature': await scanner.sign(body),
    ...headers,
  })
  await worker.settled()
  return answer
}

const auditOf = (id: string) =>
  directly().sql.query(
    "select actor_type, actor_id, detail from audit_logs where target_id = $1 and action = 'key.leaked' order by id",
    [id],
  )

describe('a report of found keys', () => {
  test('disables a key everywhere, tells its owners where it was found, and the scanner what it was', async () => {
    const { key, keyId, token, email } = await newKeyHolder({ name: 'Web shop' })
    const isolate = await newIsolate()
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
    const unknown = newKey('ck', 'live')
    const places = [URL_FOUND, 'https://gist.github.com/octocat/2', 'javascript:alert(1)']
    const { status, body } = await report([
      ...places.map((url) => find(key, url)),
      find(unknown),
      find('no key of ours'),
    ])
    expect(status).toBe(200)
    const told = (value: string, label: string) => ({
      token_hash: sha256Hex(value),
      token_type: 'tollgate_api_key',
      label,
    })
    expect(body).toEqual([
      ...places.map(() => told(key, 'true_positive')),
      told(unknown, 'false_positive'),
      told('no key of ours', 'false_positive'),
    ])
    expect(await isolate.verify(key)).toMatchObject({ code: 'DISABLED' })
    await isolate.settled()
    const { body: shown } = await call(`GET /api/v1/auth/api-keys/${keyId}`, { token })
    expect(shown).toMatchObject({ is_active: false, leaked_at: expect.any(String), revoked_at: null })
    expect(await auditOf(keyId)).toEqual([
      { actor_type: 'system', actor_id: null, detail: { places: places.slice(0, 2), sources: ['content'] } },
    ])
    const mail = await mailTo(email, SUBJECT)
    for (const said of ['Web shop', shown.key_hint, ...places.slice(0, 2)]) expect(mail.text).toContain(said)
    expect(mail.text).not.toMatch(new RegExp(`javascript:|${key.slice(12, 40)}`))
  })

  test('counts once, however often and concurrently, and again only for a key that was enabled since', async () => {
    const { key, keyId, token, email } = await newKeyHolder()
    const answers = await Promise.all(Array.from({ length: 5 }, () => report([find(key), find(key)])))
    answers.push(await report([find(key)]))
    for (const { body } of answers) expect(body[0].label).toBe('true_positive')
    expect(await auditOf(keyId)).toHaveLength(1)
    await mailTo(email, SUBJECT)
    expect(await mailsTo(email)).toHaveLength(1)

    const on = await call(`PATCH /api/v1/auth/api-keys/${keyId}`, { token, body: { is_active: true } })
    expect(on.body).toMatchObject({ is_active: true, leaked_at: null })
    await report([find(key)])
    expect((await verify(key)).body.code).toBe('DISABLED')
    await mailTo(email, SUBJECT, 2)
  })

  test('leaves a revoked key alone, and ends one in its grace period without its successor', async () => {
    const { key, keyId, token, email } = await newKeyHolder()
    const rotate = (id: string, grace_period_seconds = 0) =>
      call(`POST /api/v1/auth/api-keys/${id}/rotate`, { token, body: { grace_period_seconds } })
    const { body: second } = await rotate(keyId)
    const { body: third } = await rotate(second.id, 3_600)
    expect((await report([find(key)])).body[0].label).toBe('true_positive')
    expect(await mailsTo(email)).toEqual([])
    await report([find(second.key, '')])
    expect((await verify(second.key)).body.code).toBe('DISABLED')
    expect((await verify(third.key)).body.code).toBe('VALID')
    expect((await mailTo(email, SUBJECT)).text).not.toContain('It was found at')
  })

  test('can be followed by a rotation: the successor of a leaked key is enabled', async () => {
    const { key, keyId, token } = await newKeyHolder()
    await report([find(key)])
    const { body } = await call(`POST /api/v1/auth/api-keys/${keyId}/rotate`, { token })
    expect(body).toMatchObject({ is_active: true, leaked_at: null })
    expect((await verify(body.key)).body.code).toBe('VALID')
  })

  test('notifies every owner, and nobody else', async () => {
    const [{ key, organizationId, email }, second, member] = [await newKeyHolder(), await newUser(), await newUser()]
    for (const [person, role] of [
      [second, 'owner'],
      [member, 'admin'],
    ] as const)
      await directly().sql.query('insert into memberships (organization_id, user_id, role) values ($1, $2, $3)', [
        organizationId,
        person.user.id,
        role,
      ])
    await report([find(key)])
    for (const address of [email, second.email]) await mailTo(address, SUBJECT)
    expect(await mailsTo(member.email)).toEqual([])
  })

  test('counts even if other fields of a find are malformed: those are dropped', async () => {
    const [first, second] = [await newKeyHolder(), await newKeyHolder()]
    const odd = { token: first.key, type: 't'.repeat(201), url: 'https://example.com/\0', source: 's'.repeat(201) }
    const { status, body } = await report([
      odd,
      { ...odd, url: `https://example.com/${'x'.repeat(4_000)}`, source: 'half \ud800' },
      { ...odd, token: second.key, type: '\0', url: 5, source: ['content'] },
    ])
    expect(status).toBe(200)
    expect(body).toMatchObject([
      { label: 'true_positive', token_type: odd.type },
      { label: 'true_positive' },
      { label: 'true_positive' },
    ])
    for (const { key, keyId } of [first, second]) {
      expect((await verify(key)).body.code).toBe('DISABLED')
      expect(await auditOf(keyId)).toMatchObject([{ detail: { places: [], sources: [] } }])
    }
  })

  test('without finds gets an empty response', async () => {
    expect(await report([])).toMatchObject({ status: 200, body: [] })
  })
})

describe('who may report', async () => {
  const { key, keyId } = await newKeyHolder()
  const body = JSON.stringify([find(key)])
  const [right, other] = [await scanner.sign(body), await newScanner('other')]
  const der = Uint8Array.from(atob(right), (character) => character.charCodeAt(0))
  const flipped = Uint8Array.from(der, (byte, at) => (at === der.length - 1 ? byte ^ 1 : byte))

  test.each<[string, Record<string, string>]>([
    ['without a signature', { 'Github-Public-Key-Signature': '' }],
    ['without the name of a key', { 'Github-Public-Key-Identifier': '' }],
    ['by a key that is unknown', { 'Github-Public-Key-Identifier': 'other' }],
    ['by another key under the name of a known one', { 'Github-Public-Key-Signature': await other.sign(body) }],
    ['of another body', { 'Github-Public-Key-Signature': await scanner.sign(`${body} `) }],
    ['with one bit changed', { 'Github-Public-Key-Signature': base64(flipped) }],
    ['with something behind it', { 'Github-Public-Key-Signature': base64(Uint8Array.from([...der, 0])) }],
    ['that is no base64', { 'Github-Public-Key-Signature': `${right.slice(0, -4)}!!!!` }],
    ['that is no DER', { 'Github-Public-Key-Signature': base64(der.subarray(2)) }],
    ['that is very long', { 'Github-Public-Key-Signature': 'A'.repeat(10_000) }],
  ])('not one %s: all get the same response', async (_, headers) => {
    const answer = await report(body, headers)
    expect(answer).toMatchObject({ status: 403, body: { code: 'unsigned_report' } })
    expect(answer.body.detail).toBe('The report is not signed by a key that this deployment knows.')
    expect(await auditOf(keyId)).toEqual([])
  })

  test('only in its format and size', async () => {
    expect((await report('{"token":"x"}')).body.code).toBe('invalid_request')
    expect((await report('[{"type":"x"}]')).body.errors[0].path).toBe('body.0.token')
    expect((await report('[')).body.code).toBe('malformed_json')
    expect((await report([find('x'.repeat(256 * 1024))])).status).toBe(413)
  })

  test('at most 600 times in ten minutes from one address', async () => {
    const address = randomIp()
    const deps = directly()
    const spent = Array.from({ length: 599 }, () => enforceRateLimits(deps, { key_leak_report_address: { address } }))
    await Promise.all(spent) // their commands share a round trip
    expect((await worker.call(LEAKED, body, address)).status).toBe(403)
    expect(await worker.call(LEAKED, body, address)).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
  })

  test('nobody if no scanner’s keys are configured: the route does not exist', async () => {
    expect(await call(LEAKED, { body })).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })
})

test("GitHub's documented example has a valid signature", async () => {
  const github = {
    key_identifier: 'bcb53661c06b4728e59d897fb6165d5c9cda0fd9cdf9d09ead458168deb7518c',
    key: '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYAGMWO8XgCamYKMJS6jc/qgvSlAd\nAjPuDPRcXU22YxgBrz+zoN19MzuRyW87qEt9/AmtoNP5GrobzUvQSyJFVw==\n-----END PUBLIC KEY-----\n',
    is_current: true,
  }
  const body =
    '[{"source":"commit","token":"some_token","type":"some_type","url":"https://example.com/base-repo-url/"}]'
  const partner = workerWith({ LEAK_REPORT_KEYS: JSON.stringify({ public_keys: [scanner.published, github] }) })
  const answer = await partner.call(LEAKED, body, undefined, {
    'Github-Public-Key-Identifier': github.key_identifier,
    'Github-Public-Key-Signature':
      'MEQCIQDaMKqrGnE27S0kgMrEK0eYBmyG0LeZismAEz/BgZyt7AIfXt9fErtRS4XaeSt/AO1RtBY66YcAdjxji410VQV4xg==',
  })
  expect(answer).toMatchObject({
    status: 200,
    body: [{ token_hash: sha256Hex('some_token'), token_type: 'some_type', label: 'false_positive' }],
  })
})

test('a report repeated after a lost response still invalidates the key in other isolates', async () => {
  const { key, keyId } = await newKeyHolder()
  const isolate = await newIsolate()
  expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
  // what the first report did before it was lost
  await directly().sql.query(
    'update api_keys set is_active = false, leaked_at = now(), version = version + 1 where id = $1',
    [keyId],
  )
  expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
  expect((await report([find(key)])).status).toBe(200)
  expect(await isolate.verify(key)).toMatchObject({ code: 'DISABLED' })
})
