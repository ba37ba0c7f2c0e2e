import { expect, test } from 'vitest'
import { callApi, newPerson } from '../support/api.ts'
import { newPage, open, signIn, useBrowser } from '../support/browser.ts'
import { dialog, expectFit, inDialog, LOOKS } from '../support/looks.ts'

useBrowser()

interface Held {
  readonly data: { readonly held: object }[]
}

/** One page has 20. */
const MADE = 21

test.each(LOOKS)('open reservations are listed page by page, and one is canceled (%s)', async (_, look) => {
  const { token, ...login } = await newPerson()
  const { id } = await callApi<{ id: string }>('POST', '/auth/api-keys', { token, body: { name: 'Import' } })
  const reserve = (body: object) => callApi('POST', '/usage/reserve', { token, body: { key_id: id, ...body } })
  await reserve({ tokens: 1_200, subject: 'user-7', quantities: { pages: 3 } })
  for (let made = 1; made < MADE; made++) await reserve({ slots: 1, subject: `user-${made}-of-a-long-name` })
  const openOnes = async () => (await callApi<Held>('GET', '/usage/reservations?limit=100', { token })).data

  const page = await newPage(look)
  await signIn(page, login)
  await open(page, `/keys/${id}?tab=reservations`)
  await page.getByText('Only a slot').nth(19).waitFor()
  await expectFit(page)
  const row = page.getByRole('row').filter({ hasText: '1,200 tokens, 3 pages' })
  expect(await row.count()).toBe(0) // the oldest
  await page.getByRole('button', { name: 'Load more' }).click()
  await row.getByText('user-7').waitFor()
  await row.getByRole('button', { name: /^Actions for/ }).click()
  await page.getByRole('menuitem', { name: 'Cancel reservation' }).click()
  await dialog(page).getByText('This frees 1,200 tokens, 3 pages immediately.').waitFor()
  await expectFit(page)
  await inDialog(page, 'Keep').click()
  expect(await openOnes()).toHaveLength(MADE)
  await row.getByRole('button', { name: /^Actions for/ }).click()
  await page.getByRole('menuitem', { name: 'Cancel reservation' }).click()
  await inDialog(page, 'Cancel reservation').click()
  await dialog(page).waitFor({ state: 'detached' })
  await row.waitFor({ state: 'detached' })
  expect((await openOnes()).map(({ held }) => held)).toEqual(Array.from({ length: MADE - 1 }, () => ({})))

  await open(page, '/usage')
  const section = page.getByRole('region', { name: 'Open reservations' })
  await section
    .getByText('Import')
    .nth(MADE - 2)
    .waitFor()
  await expectFit(page)
})
