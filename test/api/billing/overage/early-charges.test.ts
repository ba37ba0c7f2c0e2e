/** Corrections of charges from before an organization's first credits: what they add goes on an invoice. */
import { expect, test } from 'vitest'
import { chargedWorld } from '../../../support/charged-overage.ts'
import { takeTurns } from '../../../support/turns.ts'

takeTurns('overage')

async function world() {
  const one = await chargedWorld('polar')
  await one.buy()
  await one.spend('3.00', EVENT)
  await one.grant('10.00')
  /** The invoiced micro-dollars, and the balance of credits. */
  const state = async () => {
    await one.settle()
    await one.run()
    return [await one.invoiced(), (await one.credits()).balance]
  }
  expect(await state()).toEqual([2_000_000, '10.000000'])
  return { ...one, state }
}

const EVENT = 'early'

test('a raised charge is invoiced once, however it is corrected afterwards', async () => {
  const { correct, spend, state } = await world()
  await correct(EVENT, '8.00')
  expect(await state()).toEqual([7_000_000, '10.000000'])
  await correct(EVENT, '3.00')
  await spend('4.00')
  expect(await state(), 'credits pay what came later').toEqual([7_000_000, '6.000000'])
  await correct(EVENT, '8.00')
  expect(await state()).toEqual([7_000_000, '6.000000'])
  await correct(EVENT, '9.00')
  expect(await state()).toEqual([8_000_000, '6.000000'])
})

test('a charge that is raised and lowered again before the next invoice costs nothing more', async () => {
  const { correct, spend, state } = await world()
  await correct(EVENT, '8.00')
  await correct(EVENT, '3.00')
  await spend('4.00')
  expect(await state()).toEqual([2_000_000, '6.000000'])
})

test('a charge that is lowered and raised again is not invoiced twice', async () => {
  const { correct, spend, state } = await world()
  await correct(EVENT, '1.00')
  await spend('4.00')
  expect(await state()).toEqual([2_000_000, '6.000000'])
  await correct(EVENT, '3.00')
  expect(await state()).toEqual([2_000_000, '6.000000'])
})
