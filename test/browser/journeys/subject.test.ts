import { expect, test } from 'vitest'
import { callApi, newPerson } from '../support/api.ts'
import { newPage, open, signIn, useBrowser } from '../support/browser.ts'
import { dialog, expectFit, inDialog, LOOKS } from '../support/looks.ts'

useBrowser()

interface Subjects {
  readonly data: { readonly subject: string; readonly requests: number }[]
  readonly erased: { readonly requests: number } | null
}

test.each(LOOKS)('a subject is erased once its name is typed, and its sums stay (%s)', async (_, look) => {
  const { token, ...login } = await newPerson()
  const events = ['user-7', 'user-7', 'user-8', 'user-9'].map((subject, at) => ({
    id: `${login.email}-${at}`,
    endpoint: '/ask',
    tokens: 100,
    subject,
    quantities: { pages: 3 },
  }))
  await callApi('POST', '/usage?durability=sync', { token, body: { events } })
  const read = () => callApi<Subjects>('GET', '/usage/subjects', { token })

  const page = await newPage(look)
  await signIn(page, login)
  await open(page, '/usage')
  await page.getByRole('columnheader', { name: 'Pages', includeHidden: true }).waitFor({ state: 'attached' })
  await page.getByRole('button', { name: 'Actions for user-7' }).click()
  await page.getByRole('menuitem', { name: 'Erase subject' }).click()
  await dialog(page).getByText('Deleted immediately:').waitFor()
  await dialog(page)
    .getByText(/^Stays: the events without these/)
    .waitFor()
  await expectFit(page)
  expect(await inDialog(page, 'Erase subject').isDisabled()).toBe(true)
  await page.getByLabel('Type user-7 to confirm').fill('user-7')
  await inDialog(page, 'Erase subject').click()
  await dialog(page).waitFor({ state: 'detached' })
  await page.getByRole('row').filter({ hasText: 'Erased' }).getByText('50%').waitFor()
  await expectFit(page)

  await page.getByRole('button', { name: 'Erase a subject' }).click()
  await dialog(page).getByLabel('Subject').fill('user-8')
  await inDialog(page, 'Erase subject').click()
  await dialog(page).waitFor({ state: 'detached' })
  expect(await read()).toMatchObject({ data: [{ subject: 'user-9', requests: 1 }], erased: { requests: 3 } })
})
