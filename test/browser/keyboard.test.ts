import type { Page } from 'playwright-core'
import { expect, inject, test } from 'vitest'
import { newPerson } from './support/api.ts'
import { newPage, open, signIn, untilLoaded, useBrowser } from './support/browser.ts'

useBrowser()

/** The accessible name, or text, of the focused element. */
const focused = (page: Page) =>
  page.evaluate(() => {
    const element = document.activeElement as HTMLInputElement | null
    return element?.labels?.[0]?.textContent ?? element?.getAttribute('aria-label') ?? element?.textContent ?? ''
  })

/** Presses Tab until an element with that name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    if ((await focused(page)).trim() === name) return
    await page.keyboard.press('Tab')
  }
  expect(await focused(page)).toBe(name)
}

test('a user signs in by keyboard alone', async () => {
  const page = await newPage()
  const { user } = inject('server').credentials
  await open(page, '/sign-in')
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await tabTo(page, 'Email')
  await page.keyboard.type(user.email)
  await page.keyboard.press('Tab')
  expect(await focused(page)).toBe('Password')
  await page.keyboard.type(user.password)
  await page.keyboard.press('Enter')
  await untilLoaded(page)
})

test('the palette opens, finds a screen and returns the focus', async () => {
  const page = await newPage()
  await signIn(page, inject('server').credentials.user)
  await page.keyboard.press('Control+k')
  const input = page.getByPlaceholder('Search screens, keys and actions')
  await input.waitFor()
  expect(await input.evaluate((element) => element === document.activeElement)).toBe(true)
  await page.keyboard.press('Escape')
  await input.waitFor({ state: 'detached' })

  await page.keyboard.press('Control+k')
  await input.fill('API keys')
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/dashboard\/keys/)
})

test('a key is created by keyboard alone, and the copy button has the focus', async () => {
  const page = await newPage()
  await signIn(page, await newPerson())
  await page.keyboard.press('Control+k')
  await page.getByPlaceholder('Search screens, keys and actions').waitFor()
  await page.keyboard.type('Create key')
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/keys\/new/)
  await tabTo(page, 'Name')
  await page.keyboard.type('By hand')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Key created' }).waitFor()
  await expect.poll(() => focused(page), { timeout: 10_000 }).toContain('Copy key')
})

test('? lists the shortcuts, but not while typing', async () => {
  const page = await newPage()
  await signIn(page, inject('server').credentials.user)
  await page.keyboard.press('?')
  await page.getByRole('dialog').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.keyboard.press('Control+k')
  const input = page.getByPlaceholder('Search screens, keys and actions')
  await input.waitFor()
  await page.keyboard.type('?')
  expect(await input.inputValue()).toBe('?')
  expect(await page.getByRole('dialog').count()).toBe(1)
})

test('shortcuts do nothing while typing, and nothing under a dialog', async () => {
  const page = await newPage()
  await signIn(page, inject('server').credentials.user)
  await open(page, '/keys')
  await page.getByLabel('Search').focus()
  await page.keyboard.press('Control+k')
  await page.keyboard.press('Escape')
  expect(await page.getByRole('dialog').count()).toBe(0)

  await page.getByRole('button', { name: 'Revoke several' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Keep all' }).focus()
  for (const key of ['?', 'g', 'u', 'Control+k']) await page.keyboard.press(key)
  expect(await page.getByRole('dialog').count()).toBe(1)
  expect(new URL(page.url()).pathname).toBe('/dashboard/keys')
})

test('shortcuts of single keys can be turned off for a browser', async () => {
  const page = await newPage()
  await signIn(page, inject('server').credentials.user)
  await open(page, '/account')
  const choice = page.getByLabel('Shortcuts of single keys')
  await choice.uncheck()
  await page.reload()
  await choice.waitFor()
  expect(await choice.isChecked()).toBe(false)
  await page.keyboard.press('?')
  await page.keyboard.press('Control+k')
  await page.getByPlaceholder('Search screens, keys and actions').waitFor() // the one with a modifier stays
  expect(await page.getByRole('dialog').count()).toBe(1)
})
