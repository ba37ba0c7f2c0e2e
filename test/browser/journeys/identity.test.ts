import type { Page } from 'playwright-core'
import { expect, inject, test } from 'vitest'
import { newPerson, PASSWORD } from '../support/api.ts'
import { codeOf } from '../support/authenticator.ts'
import { newPage, open, signIn, untilLoaded, useBrowser } from '../support/browser.ts'
import { signInCode } from '../support/docs.ts'
import { dialog, expectFit, inDialog, LOOKS } from '../support/looks.ts'

useBrowser()

let people = 0
const newEmail = () => `identity-${Date.now()}-${people++}@example.com`

/** On the page of the local stack's provider. */
async function beSomebody(page: Page, email: string): Promise<void> {
  await page.waitForURL(/\/(oidc|github)\//) // the page before has an email field, too
  await page.getByLabel('Email').fill(email)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

async function signInWith(page: Page, provider: 'Local' | 'GitHub', email: string): Promise<void> {
  await open(page, '/sign-in')
  await page.getByRole('button', { name: `Continue with ${provider}` }).click()
  await beSomebody(page, email)
}

test.each(LOOKS)('a user signs in with a provider, links another one, and unlinks both (%s)', async (_, look) => {
  const page = await newPage(look)
  const email = newEmail()
  await open(page, '/sign-in')
  await page.getByRole('button', { name: 'Continue with Local' }).waitFor()
  await expectFit(page)
  await page.getByRole('button', { name: 'Continue with Local' }).click()
  await beSomebody(page, email)
  await untilLoaded(page)

  await open(page, '/account')
  await page.getByRole('button', { name: 'Set a password' }).waitFor()
  await page.getByRole('button', { name: 'Link GitHub', exact: true }).click()
  await beSomebody(page, newEmail())
  await page.getByText('GitHub linked').waitFor()
  expect(new URL(page.url()).search).toBe('')
  await page.getByRole('button', { name: /^Unlink Local/ }).waitFor()
  await expectFit(page)

  await page.getByRole('button', { name: /^Unlink GitHub/ }).click()
  await expectFit(page)
  await inDialog(page, 'Unlink').click()
  await page.getByText('GitHub unlinked').waitFor()
  await page.getByRole('button', { name: /^Unlink Local/ }).click()
  await inDialog(page, 'Unlink').click()
  await page.getByText('Local unlinked').waitFor() // a code by email still signs in
})

test('a second factor is required after a provider as well', async () => {
  const page = await newPage()
  const email = newEmail()
  await signInWith(page, 'Local', email)
  await untilLoaded(page)
  await open(page, '/account')
  await page.getByRole('button', { name: 'Set up' }).click()
  const shown = await dialog(page)
    .locator('p', { hasText: /^[A-Z2-7]{4} / })
    .textContent()
  const secret = (shown ?? '').replaceAll(/[^A-Z2-7]/g, '')
  await dialog(page).getByLabel(/Code/).fill(codeOf(secret))
  await inDialog(page, 'Enable').click()
  const backup = await page.getByRole('list', { name: 'Backup codes' }).getByRole('listitem').first().textContent()

  const other = await newPage()
  await signInWith(other, 'Local', email)
  await other.getByRole('button', { name: 'Use a backup code' }).click()
  await other.getByLabel('Backup code').fill(backup ?? '')
  await other.getByRole('button', { name: 'Verify' }).click()
  await untilLoaded(other)
})

test('a user who leaves the provider`s page, or whose account has an unconfirmed address, sees an explanation', async () => {
  const page = await newPage()
  await open(page, '/sign-in')
  await page.getByRole('button', { name: 'Continue with GitHub' }).click()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByText('You left the identity provider’s page').waitFor()

  const person = await newPerson()
  await signInWith(page, 'GitHub', person.email)
  await page.getByText('An account with this email address exists').waitFor()
  await expectFit(page)
})

test('an old sign-in links after the password was entered, and the code is still valid', async () => {
  const person = await newPerson()
  const page = await newPage()
  await signIn(page, person)
  await page.route('**/api/v1/auth/identities', (route) =>
    route.request().method() === 'POST' && !route.request().postData()?.includes('password')
      ? route.fulfill({
          status: 403,
          contentType: 'application/problem+json',
          body: JSON.stringify({ code: 'reauthentication_required', title: 'Sign in again.' }),
        })
      : route.continue(),
  )
  await open(page, '/account')
  await page.getByRole('button', { name: 'Link Local', exact: true }).click()
  await beSomebody(page, newEmail())
  await dialog(page).getByLabel('Your password').fill(PASSWORD)
  await inDialog(page, 'Confirm').click()
  await page.getByText('Local linked').waitFor()
})

test('the example code for custom pages signs a user in (docs/operate/sign-in.md)', async () => {
  const { baseUrl } = inject('server')
  const code = await signInCode()
  const page = await newPage({ bypassCSP: true }) // represents a custom page
  await page.goto(`${baseUrl}/docs`)
  await page.evaluate(`(async () => { ${code}\nawait leaveFor('local') })()`)
  await beSomebody(page, newEmail())
  await page.waitForURL(/sign_in_code=/)
  expect(await page.evaluate(`(async () => { ${code}\nreturn comeBack() })()`)).toMatchObject({
    access_token: expect.any(String),
    refresh_token: expect.any(String),
  })
})
