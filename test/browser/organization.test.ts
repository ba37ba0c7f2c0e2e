import { test } from 'vitest'
import { newPerson, PASSWORD } from './support/api.ts'
import { newPage, open, signIn, untilLoaded, useBrowser } from './support/browser.ts'

useBrowser()

test('an invitation that is sent while the screen still loads is in the list', async () => {
  const page = await newPage()
  await signIn(page, await newPerson())
  await open(page, '/members')
  await page.getByRole('button', { name: 'Invite member' }).first().click()
  await page.getByLabel('Email').fill('somebody@example.com')
  await page.getByRole('button', { name: 'Send invitation' }).click()
  await page.getByText('Invitation sent', { exact: true }).first().waitFor()
  const row = page.getByRole('table', { name: 'Invitations' }).getByRole('row', { name: /somebody@example.com/ })
  await row.getByText('Pending').waitFor()
})

test('a change of the email address is confirmed by a link', async () => {
  const page = await newPage()
  await signIn(page, await newPerson())
  await open(page, '/account')
  await untilLoaded(page)
  await page.getByRole('button', { name: 'Change email' }).click()
  await page.getByLabel('New email').fill(`new-${Date.now()}@example.com`)
  await page.getByLabel('Current password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Send the link' }).click()
  await page.getByText('Link sent', { exact: true }).first().waitFor()
})
