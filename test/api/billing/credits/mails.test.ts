import { expect, test, vi } from 'vitest'
import { notifyCredits } from '../../../../src/billing/credits/notify.ts'
import { newCreditHolder } from '../../../support/credits.ts'
import { directly } from '../../../support/direct.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined)

const { sql } = directly()
const tell = () => notifyCredits(directly(), Date.now())

async function newHolder() {
  const holder = await newCreditHolder()
  const mails = async () => {
    await tell()
    const rows = await sql.query(
      `select subject, text from mail_outbox where recipient = $1 and subject like 'The prepaid credits of %' order by id`,
      [holder.email],
    )
    return rows.map(({ subject }) => (/ (are running low|are used up) /.exec(String(subject)) ?? [])[1])
  }
  const burn = async (amount: string) => {
    await holder.spend(amount)
    await holder.credits()
  }
  return { ...holder, mails, burn }
}

test('owners get one mail when credits run low and one when they are used up, and again after the next grant', async () => {
  const { grant, burn, mails } = await newHolder()
  await grant('1.00')
  await burn('0.79')
  expect(await mails()).toEqual([])
  await burn('0.01')
  expect(await mails()).toEqual(['are running low'])
  await burn('0.10')
  expect(await mails()).toEqual(['are running low'])
  await burn('0.20')
  await Promise.all([tell(), tell(), tell()])
  expect(await mails()).toEqual(['are running low', 'are used up'])
  await grant('1.00')
  expect(await mails()).toEqual(['are running low', 'are used up'])
  await burn('0.80')
  expect(await mails()).toEqual(['are running low', 'are used up', 'are running low'])
})

test('credits that are used up at once cause a single mail', async () => {
  const { grant, burn, mails } = await newHolder()
  await grant('1.00')
  await burn('1.50')
  expect(await mails()).toEqual(['are used up'])
})

test('no mail goes to organizations that never had credits, or to people who are neither owner nor admin', async () => {
  const { grant, burn, mails, organizationId } = await newHolder()
  await burn('5.00')
  expect(await mails()).toEqual([])
  await grant('10.00')
  await sql.query(`update memberships set role = 'member' where organization_id = $1`, [organizationId])
  await burn('10.00')
  expect(await mails()).toEqual([])
})
