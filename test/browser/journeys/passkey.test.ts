import type { Page } from 'playwright-core'
import { expect, inject, test } from 'vitest'
import { mailsTo, newPerson } from '../support/api.ts'
import { fillSignIn, newPage, open, signIn, untilLoaded, useBrowser } from '../support/browser.ts'
import { signInCode } from '../support/docs.ts'
import { dialog, expectFit, inDialog, LOOKS } from '../support/looks.ts'
import { addAuthenticator } from '../support/virtual-authenticator.ts'

useBrowser()

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })

async function signOut(page: Page): Promise<void> {
  await page.context().clearCookies()
  await open(page, '/sign-in')
  await page.getByLabel('Email').waitFor()
}

async function addPasskey(page: Page): Promise<void> {
  await open(page, '/account')
  await button(page, 'Add a passkey').click()
  await page.getByText('Passkey added').waitFor()
}

test.each(LOOKS)('a user adds a passkey, signs in with it, renames and removes it (%s)', async (_, look) => {
  const page = await newPage(look)
  await addAuthenticator(page)
  await signIn(page, await newPerson())
  await addPasskey(page)
  await page.getByText('Not used yet').waitFor()
  await expectFit(page)

  await signOut(page)
  await button(page, 'Use a passkey').waitFor()
  await expectFit(page)
  await button(page, 'Use a passkey').click()
  await untilLoaded(page)

  await open(page, '/account')
  const row = page.getByRole('listitem').filter({ has: button(page, 'Rename Passkey') })
  await row.getByText(/^Last used/).waitFor()
  await button(page, 'Rename Passkey').click()
  await expectFit(page)
  await dialog(page).getByLabel('Name').fill('My laptop')
  await inDialog(page, 'Rename').click()
  await button(page, 'Remove My laptop').click()
  await expectFit(page)
  await inDialog(page, 'Remove').click()
  await page.getByText('Passkey removed').waitFor()
})

test.each(LOOKS)('a passkey is the second factor after a password, and disables itself (%s)', async (_, look) => {
  const page = await newPage(look)
  await addAuthenticator(page)
  const person = await newPerson()
  await signIn(page, person)
  await addPasskey(page)
  await button(page, 'Use passkeys').click()
  await expectFit(page)
  await inDialog(page, 'Use a passkey').click()
  await page.getByRole('list', { name: 'Backup codes' }).waitFor()
  await expectFit(page)

  await signOut(page)
  await fillSignIn(page, person)
  await page.getByRole('heading', { name: 'Second factor' }).waitFor()
  await expectFit(page)
  await button(page, 'Use a passkey').click()
  await untilLoaded(page)

  await open(page, '/account')
  await button(page, 'Disable').click()
  await dialog(page).getByLabel('Current password').fill(person.password)
  await inDialog(page, 'Use a passkey instead').click()
  await dialog(page).getByText('Your passkey is used').waitFor()
  await expectFit(page)
  await inDialog(page, 'Disable').click()
  await page.getByText('Second factor disabled').waitFor()
})

test('the example code for custom pages signs a user in by passkey (docs/operate/sign-in.md)', async () => {
  const page = await newPage({ bypassCSP: true }) // represents a custom page
  await addAuthenticator(page)
  await signIn(page, await newPerson())
  await addPasskey(page)
  await page.goto(`${inject('server').baseUrl}/docs`)
  expect(await page.evaluate(`(async () => { ${await signInCode()}\nreturn signInWithPasskey() })()`)).toMatchObject({
    access_token: expect.any(String),
    refresh_token: expect.any(String),
  })
})

test('a browser without a passkey says so, and offers the other ways', async () => {
  const page = await newPage()
  await addAuthenticator(page)
  await open(page, '/sign-in')
  await button(page, 'Use a passkey').click()
  await page.getByText('No passkey was used').waitFor()
  const person = await newPerson()
  await fillSignIn(page, person)
  await untilLoaded(page)
})

test.each(LOOKS)('a new user signs in with a code by email (%s)', async (_, look) => {
  const page = await newPage(look)
  const email = `by-email-${Date.now()}-${Math.random().toString(36).slice(2)}@example.com`
  await open(page, '/sign-in')
  await button(page, 'Email me a code').click()
  await expectFit(page)
  await page.getByLabel('Email').fill(email)
  await button(page, 'Send').click()
  await page.getByLabel('Code').waitFor()
  await expectFit(page)
  await page.getByLabel('Code').fill('0000 0000')
  await button(page, 'Sign in').click()
  await page.getByText('The code is wrong').waitFor()
  await expect.poll(async () => (await mailsTo(email)).length).toBe(1)
  const code = /^\d{4} \d{4}/.exec((await mailsTo(email))[0]?.subject ?? '')?.[0] ?? ''
  await page.getByLabel('Code').fill(code)
  await button(page, 'Sign in').click()
  await untilLoaded(page)
  await open(page, '/account')
  await button(page, 'Set a password').waitFor()
})
