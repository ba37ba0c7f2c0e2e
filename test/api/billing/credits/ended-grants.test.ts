/** Corrections of usage that was paid by a grant that has ended since. */
import { expect, test } from 'vitest'
import { listLedger, newCreditHolder } from '../../../support/credits.ts'
import { directly } from '../../../support/direct.ts'
import { administrator, call } from '../../../support/http.ts'

const { sql } = directly()

async function world() {
  const holder = await newCreditHolder()
  const { organizationId, grant, credits } = holder
  const soon = new Date(Date.now() + 3_600_000).toISOString()
  const { body: first } = await grant('5.00', { expires_at: soon })
  await grant('10.00')
  const token = await administrator()
  const correct = async (event_id: string, fields: object) => {
    const body = { organization_id: organizationId, event_id, reason: 'A test', ...fields }
    expect((await call('POST /api/v1/usage/corrections', { token, body })).status).toBe(200)
  }
  const expire = () =>
    sql.query(`update credit_grants set expires_at = now() - interval '1 second' where id = $1`, [first.id])
  const spend = async (cost: string) => {
    const id = crypto.randomUUID()
    expect((await holder.spend(cost, id)).status).toBe(200)
    await credits() // a read settles the charges
    return id
  }
  const balance = async () => (await credits()).balance
  return { ...holder, first: first.id as string, correct, expire, spend, balance }
}

test('correcting usage that an expired grant paid does not make later charges free', async () => {
  const { organizationId, spend, expire, correct, balance } = await world()
  const event = await spend('5.00')
  await expire()
  await correct(event, { void: true })
  expect(await balance()).toBe('10.000000')
  await spend('3.00')
  expect(await balance()).toBe('7.000000')
  expect((await listLedger(organizationId)).slice(3).toSorted()).toEqual(['burn -3', 'expire -5', 'return 5'])
})

test('the difference first returns to grants that have not ended', async () => {
  const { spend, expire, correct, balance } = await world()
  const event = await spend('7.00')
  await expire()
  expect(await balance()).toBe('8.000000')
  await correct(event, { cost_usd: '6.00' })
  expect(await balance()).toBe('9.000000')
  await correct(event, { void: true })
  expect(await balance()).toBe('10.000000')
  await spend('1.00')
  expect(await balance()).toBe('9.000000')
})

test('what returns to a revoked grant is revoked as well, and live grants pay if the event is restored', async () => {
  const { organizationId, first, act, spend, correct, balance } = await world()
  const event = await spend('4.00')
  expect((await act(first, 'revoke')).status).toBe(200)
  await correct(event, { void: true })
  expect(await balance()).toBe('10.000000')
  expect((await listLedger(organizationId)).slice(3).toSorted()).toEqual(['return 4', 'revoke -1', 'revoke -4'])
  await correct(event, { cost_usd: '4.00' })
  expect(await balance()).toBe('6.000000')
})
