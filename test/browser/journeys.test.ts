import type { Page } from 'playwright-core'
import { expect, inject, test } from 'vitest'
import { callApi, mailsTo, newPerson, PASSWORD } from './support/api.ts'
import { codeOf } from './support/authenticator.ts'
import { fillSignIn, newPage, open, signIn, untilLoaded, useBrowser, WIDTHS } from './support/browser.ts'

useBrowser()

const dialog = (page: Page) => page.getByRole('dialog').or(page.getByRole('alertdialog'))
const inDialog = (page: Page, name: string) => dialog(page).getByRole('button', { name, exact: true })

/** As the operator's API does for each of its requests. */
const verify = (key: string) =>
  callApi<{ valid: boolean; code: string }>('POST', '/keys/verify', {
    token: inject('server').credentials.service_key,
    body: { key },
  })

const meOf = (token: string) => callApi<{ id: string }>('GET', '/auth/me', { token })

test.each(Object.entries(WIDTHS))(
  'from a first key over its first request to a higher limit that is paid for (%s)',
  async (_, viewport) => {
    const page = await newPage({ viewport })
    await signIn(page, await newPerson())
    await open(page, '/onboarding')
    await page.getByRole('button', { name: 'Create key' }).click()
    const key = await page
      .locator('code', { hasText: /^ck_live_/ })
      .first()
      .textContent()
    await page.getByText('Waiting for your first request').waitFor()
    expect(await verify(key ?? '')).toMatchObject({ valid: true })
    await page.getByText(/The first request arrived/).waitFor()

    await open(page, '/limits')
    await page
      .getByText(/of 100,000 /)
      .first()
      .waitFor()
    await open(page, '/billing')
    await page.getByRole('button', { name: 'Upgrade to Builder' }).click()
    await inDialog(page, 'Go to checkout').click()
    await page.waitForURL(/\/checkout\//)
    await page.getByRole('button').first().click()
    await page.waitForURL(/\/dashboard\/billing/)
    await page.getByText('You are on Builder.').waitFor()
    await open(page, '/limits')
    await page
      .getByText(/of 1,000,000 /)
      .first()
      .waitFor()
  },
)

test('somebody who is invited joins by the mail and finds the organization', async () => {
  const owner = await newPerson()
  const page = await newPage()
  await signIn(page, owner)
  const email = `guest-${Date.now()}@example.com`
  await open(page, '/members')
  await page.getByRole('button', { name: 'Invite member' }).first().click()
  await page.getByLabel('Email').fill(email)
  await inDialog(page, 'Send invitation').click()
  await expect.poll(async () => (await mailsTo(email)).length, { timeout: 20_000 }).toBe(1)
  const [mail] = await mailsTo(email)

  const guest = await newPage()
  await guest.goto(mail?.links[0] ?? '')
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

test('a key that is rotated with grace works beside the new one', async () => {
  const person = await newPerson()
  const { id, key } = await callApi<{ id: string; key: string }>('POST', '/auth/api-keys', {
    token: person.token,
    body: { name: 'Production' },
  })
  const page = await newPage()
  await signIn(page, person)
  await open(page, `/keys/${id}`)
  await page.getByRole('button', { name: 'Rotate', exact: true }).click()
  await page.getByLabel('The old key stops working').selectOption(String(3_600))
  await inDialog(page, 'Rotate now').click()
  await inDialog(page, 'Show').click()
  const successor = await dialog(page).locator('code').first().textContent()
  expect(successor).not.toBe(key)
  for (const one of [key, successor ?? '']) expect(await verify(one)).toMatchObject({ valid: true })
})

test('a support session says on every screen whose it is, and ends', async () => {
  const person = await newPerson()
  const { id } = await meOf(person.token)
  const page = await newPage()
  await signIn(page, inject('server').credentials.admin)
  await open(page, `/operator/users/${id}`)
  await page.getByRole('button', { name: 'Start support session' }).click()
  await page.getByLabel('Reason').fill('They asked for help with their keys.')
  await inDialog(page, 'Start session').click()
  const banner = page.getByRole('status').filter({ hasText: `You act as ${person.email}` })
  await banner.waitFor()
  await page.keyboard.press('Control+k')
  await page.getByPlaceholder('Type a screen, a key or an action').fill('Usage')
  await page.keyboard.press('Enter')
  await banner.waitFor()
  await banner.getByRole('button', { name: 'End session' }).click()
  await banner.waitFor({ state: 'detached' })
  await page.waitForURL(/\/operator\/users/)
})

test('a price that the operator changes is what a customer sees', async () => {
  const operator = await newPage()
  await signIn(operator, inject('server').credentials.admin)
  await open(operator, '/operator/plans/starter')
  await operator.getByLabel('Price a month, US dollars').fill('11')
  await operator.getByRole('button', { name: 'Save plan' }).click()
  await inDialog(operator, 'Save plan').click()
  await dialog(operator).waitFor({ state: 'detached' })

  const customer = await newPage()
  await signIn(customer, await newPerson())
  await open(customer, '/billing')
  await customer.getByRole('listitem').filter({ hasText: 'Starter' }).getByText(/\$11/).first().waitFor()
})

test('an event that an endpoint refuses is shown as such, and delivered once it is resent', async () => {
  const person = await newPerson()
  const url = `${inject('server').localUrl}/webhooks/catch/journey`
  const page = await newPage()
  await signIn(page, person)
  await open(page, '/webhooks')
  await page.getByRole('button', { name: 'Add endpoint' }).click()
  await page.getByLabel('URL').fill(`${url}?status=500`)
  await inDialog(page, 'Add endpoint').click()
  await inDialog(page, 'Done').click()
  const { data } = await callApi<{ data: { id: string }[] }>('GET', '/webhook-endpoints', { token: person.token })
  const path = `/webhook-endpoints/${data[0]?.id}`
  await open(page, `/webhooks/${data[0]?.id}`)
  await page.getByRole('button', { name: 'Send test event' }).click()
  const row = page.getByRole('row', { name: /webhook\.test/ })
  await row.getByText(/500/).waitFor()

  await callApi('PATCH', path, { token: person.token, body: { url } })
  await row
    .getByRole('button', { name: /webhook\.test/ })
    .first()
    .click()
  await dialog(page).getByRole('button', { name: 'Resend' }).click()
  await expect
    .poll(
      () =>
        fetch(`${inject('server').localUrl}/webhooks?format=json&path=/webhooks/catch/journey`).then((answer) =>
          answer.text(),
        ),
      { timeout: 20_000 },
    )
    .toContain('webhook.test')
  await page.getByText('Delivered').first().waitFor()
})

test('a second factor that is set up here is asked for, and a backup code stands in for it', async () => {
  const person = await newPerson()
  const page = await newPage()
  await signIn(page, person)
  await open(page, '/account')
  await page.getByRole('button', { name: 'Set up' }).click()
  const secret = await dialog(page)
    .locator('p', { hasText: /^[A-Z2-7]{4} / })
    .textContent()
  await dialog(page)
    .getByLabel(/Code/)
    .fill(codeOf((secret ?? '').replaceAll(/[^A-Z2-7]/g, '')))
  await inDialog(page, 'Enable').click()
  const codes = page.getByRole('list', { name: 'Backup codes' }).getByRole('listitem')
  await codes.first().waitFor()
  expect(await codes.count()).toBe(10)
  const backup = await codes.first().textContent()

  const other = await newPage()
  await open(other, '/sign-in')
  await fillSignIn(other, person)
  await other.getByRole('button', { name: 'Use a backup code' }).click()
  await other.getByLabel('Backup code').fill(backup ?? '')
  await other.getByRole('button', { name: 'Verify' }).click()
  await untilLoaded(other)
})
