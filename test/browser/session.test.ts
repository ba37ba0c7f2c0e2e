import { expect, inject, test } from 'vitest'
import { newPerson } from './support/api.ts'
import { newContext, newPage, open, signIn, untilLoaded, useBrowser } from './support/browser.ts'

useBrowser()

const REFRESH = '**/api/v1/auth/browser/refresh'

test('two tabs that need a new token at once stay signed in', async () => {
  const context = await newContext()
  const first = await context.newPage()
  await signIn(first, await newPerson())
  const second = await context.newPage()
  for (let round = 0; round < 3; round++) await Promise.all([open(first, '/'), open(second, '/')])
  await Promise.all([untilLoaded(first), untilLoaded(second)])
  for (const page of [first, second]) expect(new URL(page.url()).pathname).toBe('/dashboard/')
})

test('signing out in one tab signs out the other', async () => {
  const context = await newContext()
  const [first, second] = [await context.newPage(), await context.newPage()]
  await signIn(first, await newPerson())
  await open(second, '/')
  await untilLoaded(second)
  await first.keyboard.press('Control+k')
  await first.getByPlaceholder('Search screens, keys and actions').fill('Sign out')
  await first.keyboard.press('Enter')
  await Promise.all([first.waitForURL(/sign-in/), second.waitForURL(/sign-in/)])
})

test('no token is stored where a script could read it later', async () => {
  const page = await newPage()
  await signIn(page, inject('server').credentials.user)
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]))
  expect(kept).not.toMatch(/eyJ|rt_/)
  const cookies = await page.context().cookies()
  expect(cookies).toMatchObject([{ httpOnly: true, secure: true, sameSite: 'Strict', path: '/' }])
})

test('a token that the server no longer accepts is silently replaced', async () => {
  const page = await newPage()
  await signIn(page, await newPerson())
  let refused = 0
  await page.route('**/api/v1/auth/me', async (route) => {
    refused += 1
    if (refused > 1) return route.continue()
    return route.fulfill({ status: 401, contentType: 'application/problem+json', body: '{"status":401}' })
  })
  const refreshed = page.waitForRequest(REFRESH)
  await open(page, '/')
  await refreshed
  await untilLoaded(page)
  expect(refused).toBeGreaterThan(1)
})
