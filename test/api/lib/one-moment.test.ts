import { expect, test } from 'vitest'
import { audited } from '../../../src/audit/record.ts'
import { systemDeps } from '../../../src/db/system-deps.ts'
import { mailFor } from '../../../src/mail/outbox.ts'
import { createEndpoint } from '../../../src/webhooks/endpoints.ts'
import { directly } from '../../support/direct.ts'
import { newUser } from '../../support/http.ts'

const { sql } = directly()
/** The time in a UUIDv7, in Unix milliseconds. */
const timeOf = (id: string) => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)

/** Deps whose clock advances by a second whenever it is read. */
function ticking() {
  let now = Date.now()
  return systemDeps({ ...directly(), now: () => (now += 1_000) })
}

test('an email has the same timestamp in its id, its creation and its due time', async () => {
  const to = `${crypto.randomUUID()}@example.com`
  await mailFor(ticking(), { to, subject: 'One', text: 'moment', html: '' }).insert
  const [row] = await sql.query('select id, created_at, next_attempt_at from mail_outbox where recipient = $1', [to])
  const at = new Date(timeOf(row?.id))
  expect([row?.created_at, row?.next_attempt_at].map((time) => new Date(time))).toEqual([at, at])
})

test('an audit log entry has a single timestamp', async () => {
  const { user } = await newUser()
  const deps = ticking()
  await audited(deps, { action: 'account.registered', actor: user.id, detail: { requestId: deps.origin.requestId } })
  const [row] = await sql.query('select id, created_at from audit_logs where request_id = $1', [deps.origin.requestId])
  expect(timeOf(row?.id)).toBe(new Date(row?.created_at).getTime())
})

test('a webhook endpoint has a single timestamp', async () => {
  const { user } = await newUser()
  const principal = { kind: 'user', userId: user.id } as never
  const request = { url: 'https://receiver.example.com/hook', events: ['*' as never] }
  const { endpoint } = await createEndpoint(
    ticking(),
    principal,
    { organizationId: user.organization_id, isOperator: false },
    request,
  )
  expect(timeOf(endpoint.id)).toBe(endpoint.createdAt.getTime())
})
