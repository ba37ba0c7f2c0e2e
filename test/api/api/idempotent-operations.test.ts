import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { bodyOf } from '../../support/broken-stores.ts'
import { call } from '../../support/http.ts'
import { type Operation, openApi } from '../../support/openapi.ts'
import { PREPARE, prepare } from '../../support/repeatable.ts'

const { operations } = await openApi()
const posts = operations.filter(({ line }) => line.startsWith('POST '))
const takesKey = ({ parameters }: Operation) => parameters.some(({ name }) => name === 'Idempotency-Key')

/** Operations that take no key, and why a repeat is harmless, or no key could make it safe. */
const WITHOUT_KEY: Readonly<Record<string, string>> = {
  'POST /api/v1/keys/verify': '`idempotency_key` in the body',
  'POST /api/v1/usage': 'each event has an id',
  'POST /api/v1/usage/reserve': '`idempotency_key` in the body',
  'POST /api/v1/usage/settle': 'a reservation is settled once, by its id',
  'POST /api/v1/usage/corrections': 'the same correction again changes nothing, and says so',
  'POST /api/v1/usage/reservations/{id}/extend': 'twice is the same as once, a moment later',
  'POST /api/v1/usage/subjects/erase': 'who was erased is erased',
  'POST /api/v1/admin/keys/lookup': 'changes nothing',
  'POST /api/v1/admin/organizations/{organization_id}/reservations/{id}/cancel': 'what was canceled is canceled',
  'POST /api/v1/admin/plans/{plan_id}/move': 'who was moved is on the newest version',
  'POST /api/v1/billing/preview': 'changes nothing',
  'POST /api/v1/tokens/verify': 'changes nothing',
  'POST /api/v1/auth/register': 'nobody is signed in; an address is registered once',
  'POST /api/v1/auth/login': 'nobody is signed in; each sign-in is a session of its own',
  'POST /api/v1/auth/refresh': 'nobody is signed in; a refresh token repeats its own answer for a while',
  'POST /api/v1/auth/logout': 'a session that has ended has ended',
  'POST /api/v1/auth/browser/login': 'nobody is signed in; each sign-in is a session of its own',
  'POST /api/v1/auth/browser/2fa/verify': 'nobody is signed in; a challenge is good once',
  'POST /api/v1/auth/browser/refresh': 'a refresh token repeats its own answer for a while',
  'POST /api/v1/auth/browser/logout': 'a session that has ended has ended',
  'POST /api/v1/auth/browser/portal/redeem': 'nobody is signed in; a token is good once',
  'POST /api/v1/auth/browser/portal/resume': 'answers the same as long as the session lasts',
  'POST /api/v1/auth/browser/portal/leave': 'who has left has left',
  'POST /api/v1/auth/browser/sign-in': 'nobody is signed in; a code is good once',
  'POST /api/v1/auth/sign-in': 'nobody is signed in; each sign-in is a new one',
  'POST /api/v1/auth/sign-in/complete': 'nobody is signed in; a code is good once',
  'POST /api/v1/auth/authorizations': 'changes nothing',
  'POST /api/v1/auth/authorizations/decide': 'a code is good once, and one that nobody uses changes nothing',
  'POST /api/v1/auth/devices': 'changes nothing',
  'POST /api/v1/auth/devices/decide': 'who has decided has decided',
  'POST /api/v1/auth/2fa/verify': 'nobody is signed in; a challenge is good once',
  'POST /api/v1/auth/2fa/passkey': 'nobody is signed in; each one is good once',
  'POST /api/v1/auth/sign-in/sso': 'nobody is signed in; each one is good once',
  'POST /api/v1/auth/sign-in/email': 'nobody is signed in; the last mail is the one that counts',
  'POST /api/v1/auth/browser/passkey': 'nobody is signed in; an answer is good once',
  'POST /api/v1/auth/passkeys/sign-in/begin': 'nobody is signed in; each one is good once',
  'POST /api/v1/auth/passkeys/sign-in': 'nobody is signed in; an answer is good once',
  'POST /api/v1/auth/passkeys/begin': 'each one is good once, and changes nothing by itself',
  'POST /api/v1/auth/passkeys/prove': 'each one is good once, and changes nothing by itself',
  'POST /api/v1/auth/passkeys/reauthenticate': 'twice is the same as once, a moment later',
  'POST /api/v1/auth/email/verify': 'nobody is signed in; a token is good once',
  'POST /api/v1/auth/email/resend': 'nobody is signed in; the last mail is the one that counts',
  'POST /api/v1/auth/email/change/confirm': 'a token is good once',
  'POST /api/v1/auth/password/reset': 'nobody is signed in; the last mail is the one that counts',
  'POST /api/v1/auth/password/reset/confirm': 'nobody is signed in; a token is good once',
  'POST /api/v1/portal/redeem': 'nobody is signed in; a token is good once',
  'POST /api/v1/organizations/invitations/accept': 'a token is good once, and says so to who has accepted',
  'POST /api/v1/organizations/{organization_id}/switch':
    'gives a token as often as it is asked; the session stays the same',
  'POST /api/v1/organizations/{organization_id}/domains/{id}/verify': 'twice is the same as once, a moment later',
  'POST /api/v1/organizations/{organization_id}/directory/token': 'the last token counts, and only its answer has it',
  'POST /api/v1/organizations/{organization_id}/join': 'a member stays as they are',
  'POST /api/v1/organizations/{organization_id}/leave': 'who has left may not ask again',
  'POST /api/v1/organizations/{organization_id}/transfer': 'who is no owner any more may not ask again',
}

/** Operations that take a key and are tested elsewhere: they need setup, or would disturb concurrent tests. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'POST /api/v1/auth/identities': 'test/api/accounts/identities/link.test.ts',
  'POST /api/v1/auth/passkeys': 'test/api/accounts/passkeys/passkeys.test.ts',
  'POST /api/v1/admin/billing/events/{id}/replay': 'test/api/admin/billing-events.test.ts',
  'POST /api/v1/admin/deliveries/{id}/resend': 'test/api/admin/deliveries.test.ts',
  'POST /api/v1/admin/mails/{id}/resend': 'test/api/admin/mails.test.ts',
  'POST /api/v1/admin/organizations': 'test/api/admin/customers.test.ts',
  'POST /api/v1/admin/prices': 'test/api/admin/prices.test.ts',
  'POST /api/v1/admin/routes': 'test/api/admin/gateway.test.ts',
  'POST /api/v1/admin/service-keys': 'as keys of an organization, by the same code',
  'POST /api/v1/admin/service-keys/{id}/rotate': 'as keys of an organization, by the same code',
  'POST /api/v1/admin/webhooks': 'as of an organization, by the same code',
  'POST /api/v1/admin/webhooks/{id}/rotate-secret': 'as of an organization, by the same code',
  'POST /api/v1/admin/webhooks/{id}/test': 'as of an organization, by the same code',
  'POST /api/v1/auth/api-keys/import': 'test/isolates/keys/import.test.ts',
}

const withKey = posts.filter(takesKey)
const linesOf = (some: readonly Operation[]) => some.map(({ line }) => line).toSorted()

test('every POST accepts an Idempotency-Key, or explains why not', () => {
  expect(linesOf(posts.filter((one) => !takesKey(one)))).toEqual(Object.keys(WITHOUT_KEY).toSorted())
  expect(linesOf(withKey)).toEqual([...Object.keys(PREPARE), ...Object.keys(ELSEWHERE)].toSorted())
})

/** Operations that keep their answer after their effect, and what a repeat does if nobody has kept the first one. */
const KEPT_AFTERWARDS: Readonly<Record<string, string>> = {
  'POST /api/v1/admin/users/{id}/disable': 'finds that the user is disabled, and tells every isolate again',
  'POST /api/v1/admin/users/{id}/enable': 'finds that the user is enabled, and tells every isolate again',
  'POST /api/v1/billing/cancel': 'asks the provider again, which finds it done',
  'POST /api/v1/billing/change': 'asks the provider again, which finds it done',
  'POST /api/v1/billing/resume': 'asks the provider again, which finds it done',
}

/** A database that takes no answer by itself: only one in the batch that has the effect. */
function refuseLateAnswers() {
  const real = globalThis.fetch
  const spy = vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const body = bodyOf(init)
    if (body.startsWith(String.raw`{"queries":[{"query":"insert into \"idempotency_keys\"`))
      throw new TypeError('connection lost')
    return real(input, init)
  })
  onTestFinished(() => spy.mockRestore())
}

describe('with an Idempotency-Key', () => {
  test.each(withKey.flatMap(({ line }) => (line in PREPARE && !(line in KEPT_AFTERWARDS) ? [line] : [])))(
    '%s keeps its response in the batch that has its effect',
    async (line) => {
      const { token, path, body } = await prepare(line)
      const headers = { 'Idempotency-Key': crypto.randomUUID() }
      refuseLateAnswers()
      const send = () =>
        call(path === undefined ? line : `POST /api/v1/${path}`, { token, headers, ...(body && { body }) })
      const [first, repeat] = [await send(), await send()]
      expect([repeat.status, repeat.headers.get('Idempotent-Replayed')]).toEqual([first.status, 'true'])
      expect(repeat.body).toEqual(first.body)
    },
  )

  test.each(withKey.filter(({ line }) => line in PREPARE).map((one) => [one.line, one] as const))(
    '%s returns its first response to a repeat, and refuses another body',
    async (line, { body: schema, responses }) => {
      const { token, path, body } = await prepare(line)
      const headers = { 'Idempotency-Key': crypto.randomUUID() }
      const send = (sent: object | undefined) =>
        call(path === undefined ? line : `POST /api/v1/${path}`, { token, headers, ...(sent && { body: sent }) })
      const [first, repeat] = [await send(body), await send(body)]
      expect([first.status, first.headers.get('Idempotent-Replayed')]).toEqual([
        expect.toBeOneOf([200, 201, 202, 204]),
        null,
      ])
      expect([repeat.status, repeat.headers.get('Idempotent-Replayed')]).toEqual([first.status, 'true'])
      expect(repeat.body).toEqual(first.body)
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(['409', '422']))
      if (!schema) return // no other body if none is accepted
      expect(await send({ ...body, unheard_of: 1 })).toMatchObject({
        status: 422,
        body: { code: 'idempotency_key_reused' },
      })
    },
  )
})
