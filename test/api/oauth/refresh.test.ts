import { describe, expect, test, vi } from 'vitest'
import { directly } from '../../support/direct.ts'
import { verify } from '../../support/http.ts'
import { mailsTo, mailTo } from '../../support/mail.ts'
import { granted, newApplication, untilRefused } from '../../support/oauth.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { sql } = directly()
const refusalOf = ({ status, body }: { status: number; body: any }) => [status, body.error]
const INVALID_GRANT = [400, 'invalid_grant']
const age = (userId: string, seconds: number) =>
  sql.query(`update oauth_grants set refreshed_at = now() - make_interval(secs => $2) where user_id = $1`, [
    userId,
    seconds,
  ])

describe('a refresh token', () => {
  test('gets new tokens, and the former access token ends', async () => {
    const { exchange, refresh } = await granted()
    const { body: first } = await exchange()
    const { status, body: second } = await refresh(first.refresh_token)
    expect([status, second.scope, second.expires_in]).toEqual([200, 'reports:read', 900])
    expect(second.access_token).not.toBe(first.access_token)
    expect((await verify(second.access_token)).body.valid).toBe(true)
    await untilRefused(first.access_token)
    expect((await verify(second.access_token)).body.key_id).toBeDefined()
  })

  test('returns the same response again, which may have been lost, even to several at once', async () => {
    const { exchange, refresh } = await granted()
    const { body: first } = await exchange()
    const answers = await Promise.all([1, 2, 3].map(() => refresh(first.refresh_token)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    const tokens = answers.map(({ body }) => [body.access_token, body.refresh_token])
    expect(tokens).toEqual([tokens[0], tokens[0], tokens[0]])
    expect((await refresh(first.refresh_token)).body.refresh_token).toBe(tokens[0]?.[1])
  })

  test('replaces a successor that nobody used after REFRESH_REPEAT_SECONDS, and the replaced one ends everything', async () => {
    const { exchange, refresh, person } = await granted()
    const { body: first } = await exchange()
    const { body: second } = await refresh(first.refresh_token)
    await age(person.user.id, 45)
    expect((await refresh(first.refresh_token)).body.refresh_token).toBe(second.refresh_token)
    await age(person.user.id, 61)
    const { status, body: third } = await refresh(first.refresh_token)
    expect([status, third.refresh_token === second.refresh_token]).toEqual([200, false])
    expect((await verify(third.access_token)).body.valid).toBe(true)
    expect(refusalOf(await refresh(second.refresh_token))).toEqual(INVALID_GRANT)
    expect(refusalOf(await refresh(third.refresh_token))).toEqual(INVALID_GRANT)
    await untilRefused(third.access_token)
    await untilRefused(second.access_token)
  })

  test('replaces successors as often as their responses are lost, and any of the replaced ones ends everything', async () => {
    const { exchange, refresh, person } = await granted()
    const { body: first } = await exchange()
    const tokens: string[] = [(await refresh(first.refresh_token)).body.refresh_token]
    for (const attempt of [1, 2, 3]) {
      await age(person.user.id, 61)
      const { status, body } = await refresh(first.refresh_token)
      expect([attempt, status, tokens.includes(body.refresh_token)]).toEqual([attempt, 200, false])
      expect((await refresh(first.refresh_token)).body.refresh_token).toBe(body.refresh_token)
      tokens.push(body.refresh_token)
    }
    const { status, body: next } = await refresh(tokens.at(-1) ?? '')
    expect([status, (await verify(next.access_token)).body.valid]).toEqual([200, true])
    expect(await mailsTo(person.email)).toHaveLength(0)
    expect(refusalOf(await refresh(tokens[1] ?? ''))).toEqual(INVALID_GRANT)
    expect(refusalOf(await refresh(next.refresh_token))).toEqual(INVALID_GRANT)
    await mailTo(person.email, /application lost its access/)
  })

  test('ends everything if it is used after its successor was used (ASVS 10.4.5)', async () => {
    const { exchange, refresh } = await granted()
    const { body: first } = await exchange()
    const { body: second } = await refresh(first.refresh_token)
    const { body: third } = await refresh(second.refresh_token)
    expect(refusalOf(await refresh(first.refresh_token))).toEqual(INVALID_GRANT)
    expect(refusalOf(await refresh(third.refresh_token))).toEqual(INVALID_GRANT)
    await untilRefused(third.access_token)
  })

  test.each(['refresh token', 'code'])(
    'that comes again ends the grant, and the person is told once by email: a used %s',
    async (what) => {
      const { exchange, refresh, person } = await granted()
      const { body: first } = await exchange()
      await refresh((await refresh(first.refresh_token)).body.refresh_token)
      const again = what === 'code' ? exchange : () => refresh(first.refresh_token)
      for (const { status } of await Promise.all([again(), again()])) expect(status).toBe(400)
      await mailTo(person.email, /application lost its access/)
      expect(await mailsTo(person.email)).toHaveLength(1)
    },
  )

  test('still works on a database restored to a time before the token was issued', async () => {
    const { exchange, refresh, person } = await granted()
    const { body: first } = await exchange()
    const { body: second } = await refresh(first.refresh_token)
    const { body: third } = await refresh(second.refresh_token)
    await sql.query('update oauth_grants set generation = 0 where user_id = $1', [person.user.id])
    const { status, body } = await refresh(third.refresh_token)
    expect([status, (await verify(body.access_token)).body.valid]).toEqual([200, true])
  })

  test('ends after a year, however often it was refreshed, and after 60 days without use (ASVS 10.4.8)', async () => {
    const { exchange, refresh, person } = await granted()
    const { body: first } = await exchange()
    const daysLeft = async () => {
      const [row] = await sql.query(
        `select extract(epoch from expires_at - now()) / 86400 as days from oauth_grants where user_id = $1`,
        [person.user.id],
      )
      return Math.round(Number(row?.days))
    }
    expect(await daysLeft()).toBe(60)
    const age = (days: number) =>
      sql.query(`update oauth_grants set created_at = now() - make_interval(days => $2::int) where user_id = $1`, [
        person.user.id,
        days,
      ])
    await age(350)
    const { body: second } = await refresh(first.refresh_token)
    expect(await daysLeft()).toBe(15)
    await sql.query('update oauth_grants set expires_at = now() where user_id = $1', [person.user.id])
    expect(refusalOf(await refresh(second.refresh_token))).toEqual(INVALID_GRANT)
  })

  test('is for its application, and for what was agreed to', async () => {
    const { exchange, refresh } = await granted({ resource: 'https://mcp.example.com/mcp' })
    const { body } = await exchange()
    const other = await newApplication()
    expect(refusalOf(await refresh(body.refresh_token, { client_id: other.client_id }))).toEqual(INVALID_GRANT)
    expect(refusalOf(await refresh(body.refresh_token, { scope: 'reports:write' }))).toEqual([400, 'invalid_scope'])
    expect(refusalOf(await refresh(body.refresh_token, { resource: 'https://x.example.com' }))).toEqual([
      400,
      'invalid_target',
    ])
    const forged = body.refresh_token.replace('_0_', '_1_')
    expect(refusalOf(await refresh(forged))).toEqual(INVALID_GRANT)
    expect((await refresh(body.refresh_token)).status).toBe(200)
  })

  test('is not given to an application that did not request one', async () => {
    const { exchange, refresh } = await granted({}, { grant_types: ['authorization_code'] })
    const { body } = await exchange()
    expect(body.refresh_token).toBeUndefined()
    expect(refusalOf(await refresh('ort_nonsense'))).toEqual([400, 'unauthorized_client'])
  })
})
