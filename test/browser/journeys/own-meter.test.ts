import { expect, test } from 'vitest'
import { callApi, newPerson } from '../support/api.ts'
import { newPage, open, signIn, useBrowser } from '../support/browser.ts'
import { expectFit, inDialog, LOOKS, verify } from '../support/looks.ts'

useBrowser()

/** The demo has a custom meter: pages. */
test.each(LOOKS)('a key gets a limit on a custom meter, which then refuses (%s)', async (_, look) => {
  const person = await newPerson()
  const { id, key } = await callApi<{ id: string; key: string }>('POST', '/auth/api-keys', {
    token: person.token,
    body: { name: 'Import' },
  })
  const page = await newPage(look)
  await signIn(page, person)
  await open(page, `/keys/${id}`)
  await page.getByRole('button', { name: 'Edit', exact: true }).click()
  await page.getByRole('button', { name: 'Add limit' }).click()
  await page.getByLabel('Name of limit 1').fill('documents')
  await page.getByLabel('Units of limit 1').fill('20')
  await page.getByLabel('Meter of limit 1').selectOption({ label: 'Pages' })
  await page.getByLabel('Window of limit 1').selectOption({ label: 'calendar day' })
  await expectFit(page)
  await inDialog(page, 'Save key').click()
  await page.getByText('Key changed').first().waitFor()
  await page.getByRole('button', { name: 'Settings', exact: true }).click()
  await page.getByText('20 pages per day').waitFor()
  await expectFit(page)

  expect(await verify(key, { quantities: { pages: 20 } })).toMatchObject({ valid: true })
  expect(await verify(key, { quantities: { pages: 1 } })).toMatchObject({ valid: false, refused_by: 'documents' })
  await open(page, '/limits')
  await page.getByText('documents: 20 pages per day').waitFor()
})
