import { expect, inject, test } from 'vitest'
import { callApi, newPerson } from '../support/api.ts'
import { newPage, open, signIn, useBrowser } from '../support/browser.ts'
import { dialog, expectFit, inDialog, LOOKS, verify } from '../support/looks.ts'

useBrowser()

test.each(LOOKS)('a key rotated with a grace period works beside the new one (%s)', async (_, look) => {
  const person = await newPerson()
  const { id, key } = await callApi<{ id: string; key: string }>('POST', '/auth/api-keys', {
    token: person.token,
    body: { name: 'Production' },
  })
  const page = await newPage(look)
  await signIn(page, person)
  await open(page, `/keys/${id}`)
  await page.getByRole('button', { name: 'Rotate', exact: true }).click()
  await page.getByLabel('The old key stops working').selectOption(String(3_600))
  await expectFit(page)
  await inDialog(page, 'Rotate now').click()
  await inDialog(page, 'Show').click()
  await expectFit(page)
  const successor = await dialog(page).locator('code').first().textContent()
  expect(successor).not.toBe(key)
  for (const one of [key, successor ?? '']) expect(await verify(one)).toMatchObject({ valid: true })
})

test.each(LOOKS)('the operator issues a key for a customer, rotates it and revokes it (%s)', async (_, look) => {
  const { organization_id: customer } = await callApi<{ organization_id: string }>('GET', '/auth/me', {
    token: (await newPerson()).token,
  })
  const page = await newPage(look)
  await signIn(page, inject('server').credentials.admin)
  await open(page, `/operator/customers/${customer}?tab=keys`)
  await page.getByRole('button', { name: 'Create key' }).first().click()
  await page.getByLabel('Name', { exact: true }).fill('For a partner')
  await inDialog(page, 'Create key').click()
  await inDialog(page, 'Show').click()
  const issued = await dialog(page).locator('code').first().textContent()
  expect(await verify(issued ?? '')).toMatchObject({ valid: true, organization_id: customer })
  await inDialog(page, 'Done').click()
  await inDialog(page, 'Yes, continue').click()

  await page.getByRole('link', { name: 'For a partner' }).click()
  await page.waitForURL(/\/operator\/keys\//)
  await page.getByRole('button', { name: 'Rotate', exact: true }).click()
  await page.getByLabel('The old key stops working').selectOption('0')
  await inDialog(page, 'Rotate now').click()
  await inDialog(page, 'Show').click()
  const successor = await dialog(page).locator('code').first().textContent()
  await inDialog(page, 'Done').click()
  await inDialog(page, 'Yes, continue').click()
  expect(await verify(successor ?? '')).toMatchObject({ valid: true, organization_id: customer })

  await open(page, `/operator/customers/${customer}?tab=keys&status=active`)
  await page.getByRole('link', { name: 'For a partner' }).click()
  await page.getByRole('heading', { name: 'For a partner', level: 1 }).waitFor() // the list also has a menu of that name
  await page.getByRole('button', { name: 'Actions for For a partner' }).click()
  await page.getByRole('menuitem', { name: 'Revoke' }).click()
  await dialog(page).getByRole('textbox').fill('For a partner')
  await expectFit(page)
  await inDialog(page, 'Revoke key').click()
  await page.getByText('Revoked').first().waitFor()
  await expect.poll(() => verify(successor ?? ''), { timeout: 20_000 }).toMatchObject({ valid: false, code: 'REVOKED' })
})
