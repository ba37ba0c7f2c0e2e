import { expect, inject, test } from 'vitest'
import { newPerson, switchOnTwoFactor } from './support/api.ts'
import { fillSignIn, newPage, open, signIn, untilLoaded, useBrowser } from './support/browser.ts'

useBrowser()

/** A user with a second factor. A code works once, so signing in takes a backup code within the same 30 seconds. */
async function newPersonWithCodes() {
  const person = await newPerson()
  return { ...person, ...(await switchOnTwoFactor(person.token)) }
}

test('errors of a new account are shown beside their fields', async () => {
  const page = await newPage()
  await open(page, '/sign-up')
  await page.getByLabel('Email').fill('ada@example.com')
  await page.getByLabel('Password').fill('short')
  await page.getByRole('button', { name: 'Sign up' }).click()
  await expect.poll(() => page.getByLabel('Password').getAttribute('aria-invalid')).toBe('true')
  expect(new URL(page.url()).pathname).toBe('/dashboard/sign-up')
})

test('a wrong password is reported, and the right one leads to the requested page', async () => {
  const page = await newPage()
  await open(page, '/keys')
  await page.waitForURL(/sign-in\?next=/)
  const { user } = inject('server').credentials
  await fillSignIn(page, { ...user, password: 'not this one' })
  await page.getByRole('alert').waitFor()
  await fillSignIn(page, user)
  await page.waitForURL(/\/dashboard\/keys$/)
})

test('a second factor is required; a backup code works once', async () => {
  const person = await newPersonWithCodes()
  const [backup = ''] = person.backupCodes
  const enter = async (code: string) => {
    const page = await newPage()
    await open(page, '/sign-in')
    await fillSignIn(page, person)
    await page.getByRole('heading', { name: 'Second factor' }).waitFor()
    await page.getByRole('button', { name: 'Use a backup code' }).click()
    await page.getByLabel('Backup code').fill(code)
    await page.getByRole('button', { name: 'Verify' }).click()
    return page
  }
  await untilLoaded(await enter(backup))
  const again = await enter(backup)
  await again.getByRole('alert').waitFor()
  expect(new URL(again.url()).pathname).toBe('/dashboard/sign-in')
})

test('a wrong code is reported, and the field keeps the focus', async () => {
  const person = await newPersonWithCodes()
  const page = await newPage()
  await open(page, '/sign-in')
  await fillSignIn(page, person)
  await page.getByLabel('Code').fill('000000')
  await page.keyboard.press('Enter')
  await expect.poll(() => page.getByText(/code/i).count()).toBeGreaterThan(1)
  expect(new URL(page.url()).pathname).toBe('/dashboard/sign-in')
})

test('signing out ends the session here and on the server', async () => {
  const page = await newPage()
  await signIn(page, await newPerson())
  await page.keyboard.press('Control+k')
  await page.getByPlaceholder('Search screens, keys and actions').fill('Sign out')
  await page.keyboard.press('Enter')
  await page.waitForURL(/sign-in/)
  await open(page, '/')
  await page.waitForURL(/sign-in/)
})
