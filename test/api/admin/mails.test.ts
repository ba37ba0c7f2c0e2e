import { expect, test } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, eventually } from '../../support/http.ts'
import { departures, openApi } from '../../support/openapi.ts'

const { sql } = directly()
const token = await administrator()
const MAILS = '/api/v1/admin/mails'
const SECRET = 'https://tollgate.test/account/reset-password#token=rst_never-shown'
const list = (query: string) => call(`GET ${MAILS}?${query}`, { token })
const resend = (id: string, headers: Record<string, string> = {}) =>
  call(`POST ${MAILS}/${id}/resend`, { token, headers })

/** A mail that waits for an hour after a failure, was sent, or was given up. */
async function newMail(state: 'pending' | 'sent' | 'failed') {
  const id = uuidv7(Date.now())
  const to = `mail-${id}@example.com`
  const text = state === 'pending' ? SECRET : null
  await sql.query(
    `insert into mail_outbox (id, recipient, subject, text, html, attempts, next_attempt_at, sent_at, error)
     values ($1, $2, 'Reset your password', $3, $3, 3, case when $4 = 'pending' then now() + interval '1 hour' end,
       case when $4 = 'sent' then now() end, case when $4 <> 'sent' then 'The mail provider answered 500.' end)`,
    [id, to, text, state],
  )
  const row = async () => (await list(`to=${to}`)).body.data[0]
  const acts = () =>
    sql.query(`select action, detail from audit_logs where target_type = 'mail' and target_id = $1`, [id])
  return { id, to, row, acts }
}

test.each(['pending', 'sent', 'failed'] as const)(
  'a mail that is %s is found by state, without its content',
  async (state) => {
    const { id, to, row } = await newMail(state)
    expect(await row()).toMatchObject({ id, to, subject: 'Reset your password', state, attempts: 3 })
    for (const other of ['pending', 'sent', 'failed']) {
      const { body } = await list(`to=${to}&state=${other}`)
      expect(body.data, other).toHaveLength(other === state ? 1 : 0)
      expect(JSON.stringify(body)).not.toContain('rst_never-shown')
    }
  },
)

test('a waiting email is sent immediately, and the audit log records the request', async () => {
  const { id, to, row, acts } = await newMail('pending')
  expect(await resend(id)).toMatchObject({ status: 202, body: { id, to, state: 'pending', attempts: 0, error: null } })
  const sent = await eventually(row, ({ state }) => state === 'sent')
  expect(sent).toMatchObject({ attempts: 1, next_attempt_at: null, error: null })
  expect(await acts()).toEqual([
    { action: 'admin.mail_resent', detail: { to: 'm…@example.com', subject: 'Reset your password' } },
  ])
})

test.each(['sent', 'failed'] as const)(
  'an email that is %s is not sent again, since its text is gone',
  async (state) => {
    const { id, row, acts } = await newMail(state)
    expect(await resend(id)).toMatchObject({ status: 409, body: { code: 'mail_not_kept' } })
    expect(await row()).toMatchObject({ state, attempts: 3 })
    expect(await acts()).toEqual([])
  },
)

test('a repeat with the same Idempotency-Key gets the first response, even after the email is sent', async () => {
  const { id, row, acts } = await newMail('pending')
  const headers = { 'Idempotency-Key': crypto.randomUUID() }
  const first = await resend(id, headers)
  await eventually(row, ({ state }) => state === 'sent')
  const second = await resend(id, headers)
  expect([second.status, second.body]).toEqual([202, first.body])
  expect(await acts()).toHaveLength(1)
})

test('pages follow one another, responses match the document, and an unknown email is 404', async () => {
  await Promise.all([newMail('sent'), newMail('failed')])
  const first = (await list('limit=1')).body
  const second = (await list(`limit=1&cursor=${first.next_cursor}`)).body
  expect(first.data[0].id > second.data[0].id).toBe(true)
  const { document, operations } = await openApi()
  const declared = operations.find(({ line }) => line === `GET ${MAILS}`)
  expect(departures(first, declared?.responses['200']?.content?.['application/json']?.schema ?? {}, document)).toEqual(
    [],
  )
  expect((await resend('01900000-0000-7000-8000-000000000000')).body.code).toBe('mail_not_found')
  expect((await list('to=nobody')).body.errors).toMatchObject([{ path: 'query.to' }])
})
