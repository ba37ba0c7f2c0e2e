import { expect, test } from 'vitest'
import { directly } from '../../support/direct.ts'
import { administrator, call, newUser } from '../../support/http.ts'
import { departures, openApi } from '../../support/openapi.ts'

const { sql } = directly()
const token = await administrator()
const LEDGER = '/api/v1/admin/ledger'
const list = (query: string) => call(`GET ${LEDGER}?${query}`, { token })

/** An organization with overage rows in these states, created so long ago that no job gives them up. */
async function newLedger(...states: string[]) {
  const { user } = await newUser()
  const organizationId = user.organization_id as string
  const ids = states.map((_, place) => `${organizationId}:tokens:1767225600:${place * 10}`)
  for (const [place, state] of states.entries())
    await sql.query(
      `insert into billing_usage_ledger (identifier, organization_id, provider, provider_customer_id, event_name, meter,
         period_start, from_units, units, amount_micro_usd, state, occurred_at, attempted_at, claimed_until, created_at)
       values ($1, $2, 'polar', 'cus_1', 'tokens', 'tokens', to_timestamp(1767225600), $3::bigint, 10, 1234567, $4, now(), now(),
         now() + interval '1 day', now() + $3::bigint * interval '1 second')`,
      [ids[place], organizationId, place * 10, state],
    )
  const act = (place: number, what: string, body?: unknown, headers: Record<string, string> = {}) =>
    call(`POST ${LEDGER}/${ids[place]}/${what}`, { token, body, headers })
  const row = async (place: number) =>
    (await sql.query('select * from billing_usage_ledger where identifier = $1', [ids[place]]))[0]
  const acts = () =>
    sql.query(
      `select action, actor_type, detail from audit_logs where organization_id = $1 and action like 'admin.ledger%' order by id`,
      [organizationId],
    )
  return { organizationId, ids, act, row, acts }
}

test('overage rows are listed, newest first, with their amount as decimal text, page by page', async () => {
  const { organizationId, ids } = await newLedger('sent', 'refused', 'unknown')
  const mine = `organization_id=${organizationId}`
  const { body } = await list(mine)
  expect(body.data.map(({ id, state }: { id: string; state: string }) => [id, state])).toEqual([
    [ids[2], 'unknown'],
    [ids[1], 'refused'],
    [ids[0], 'sent'],
  ])
  expect(body.data[0]).toMatchObject({
    organization_id: organizationId,
    meter: 'tokens',
    period_start: '2026-01-01T00:00:00.000Z',
    units: 10,
    amount_usd: '1.234567',
    attempts: 0,
    error: null,
  })
  const externalId = `customer-${crypto.randomUUID()}`
  await sql.query('update organizations set external_id = $2 where id = $1', [organizationId, externalId])
  expect((await list(`external_id=${externalId}`)).body).toEqual(body)
  const seen: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const page: { body: any } = await list(`${mine}&limit=1${cursor && `&cursor=${cursor}`}`)
    seen.push(...page.body.data.map(({ id }: { id: string }) => id))
    cursor = page.body.next_cursor
  }
  expect(seen).toEqual(ids.toReversed())
  for (const [query, found] of [
    ['state=refused', 1],
    ['state=pending', 0],
    ['meter=tokens', 3],
    ['meter=queries', 0],
    ['provider=stripe', 0],
  ] as const)
    expect((await list(`${mine}&${query}`)).body.data, query).toHaveLength(found)
  const { document, operations } = await openApi()
  const declared = operations.find(({ line }) => line === `GET ${LEDGER}`)
  expect(departures(body, declared?.responses['200']?.content?.['application/json']?.schema ?? {}, document)).toEqual(
    [],
  )
})

test('a refused or unknown row is sent again or written off, and records who did so and why', async () => {
  const { ids, act, row, acts } = await newLedger('refused', 'unknown')
  expect(await act(0, 'resend')).toMatchObject({
    status: 200,
    body: { id: ids[0], state: 'pending', attempted_at: null },
  })
  expect(await act(1, 'write-off', { reason: 'As agreed' })).toMatchObject({
    status: 200,
    body: { state: 'written_off', error: 'As agreed' },
  })
  expect(await row(0)).not.toMatchObject({ state: 'refused', attempts: 0 }) // a concurrent test may send everything that is open
  expect(await row(1)).toMatchObject({ state: 'written_off', claimed_until: null })
  expect(await acts()).toMatchObject([
    { action: 'admin.ledger_resent', actor_type: 'administrator', detail: { identifiers: [ids[0]] } },
    { action: 'admin.ledger_written_off', detail: { identifiers: [ids[1]], reason: 'As agreed' } },
  ])
})

test.each([
  ['sent', 'charges it'],
  ['pending', 'on its way'],
  ['written_off', 'written off'],
])('a row that is %s is neither sent again nor written off, and the response explains why', async (state, why) => {
  const { act, row, acts } = await newLedger(state)
  for (const answer of [await act(0, 'resend', {}), await act(0, 'write-off', { reason: 'No' })])
    expect(answer).toMatchObject({
      status: 409,
      body: { code: 'ledger_row_settled', detail: expect.stringContaining(why) },
    })
  expect((await row(0))?.state).toMatch(state === 'pending' ? /^(pending|sent)$/ : state)
  expect(await acts()).toEqual([])
})

test('of ten concurrent requests one writes off, and with the same Idempotency-Key all get its response', async () => {
  const { act, acts } = await newLedger('refused', 'refused')
  const many = await Promise.all(Array.from({ length: 10 }, () => act(0, 'write-off', { reason: 'Once' })))
  expect(many.filter(({ status }) => status === 200)).toHaveLength(1)
  expect(many.filter(({ body }) => body.code === 'ledger_row_settled')).toHaveLength(9)
  const headers = { 'Idempotency-Key': crypto.randomUUID() }
  const first = await act(1, 'write-off', { reason: 'Once' }, headers)
  const second = await act(1, 'write-off', { reason: 'Once' }, headers)
  expect([second.status, second.body, second.headers.get('Idempotent-Replayed')]).toEqual([200, first.body, 'true'])
  expect(await acts()).toHaveLength(2)
})

test('an unknown row is 404, a malformed id and a missing reason are refused by name', async () => {
  const { ids, act } = await newLedger('refused')
  const missing = await call(`POST ${LEDGER}/${ids[0]}1/resend`, { token })
  expect(missing.body).toMatchObject({ code: 'ledger_row_not_found', detail: 'No such row of the ledger.' })
  const malformed = await call(`POST ${LEDGER}/x/resend`, { token })
  expect(malformed.body.errors).toMatchObject([{ path: 'path.id' }])
  expect((await act(0, 'write-off', {})).body.errors).toMatchObject([{ path: 'body.reason' }])
  expect((await list('cursor=x')).body.errors).toMatchObject([{ path: 'query.cursor' }])
})
