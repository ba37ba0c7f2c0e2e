import { expect, test } from 'vitest'
import { callApi, mailsTo, newPerson, PASSWORD } from '../support/api.ts'
import { newPage, open, signIn, useBrowser } from '../support/browser.ts'
import { expectFit, inDialog, LOOKS } from '../support/looks.ts'

useBrowser()

test.each(LOOKS)('an invited user joins by the email and finds the organization (%s)', async (_, look) => {
  const owner = await newPerson()
  const page = await newPage(look)
  await signIn(page, owner)
  const email = `guest-${crypto.randomUUID()}@example.com`
  await open(page, '/members')
  await page.getByRole('button', { name: 'Invite member' }).first().click()
  await page.getByLabel('Email').fill(email)
  await expectFit(page)
  await inDialog(page, 'Send invitation').click()
  await expect.poll(async () => (await mailsTo(email)).length, { timeout: 20_000 }).toBe(1)
  const [mail] = await mailsTo(email)

  const guest = await newPage(look)
  await guest.goto(mail?.links[0] ?? '')
  await expectFit(guest)
  await guest.getByLabel('Password').fill(PASSWORD)
  await guest.getByRole('button', { name: 'Join' }).click()
  await expect
    .poll(() => callApi('POST', '/auth/login', { body: { email, password: PASSWORD } }).catch(() => undefined), {
      timeout: 20_000,
    })
    .toBeTruthy()
  await signIn(guest, { email, password: PASSWORD })
  await open(page, '/members')
  await page.getByRole('table', { name: 'Members' }).getByText(email).first().waitFor()
})
