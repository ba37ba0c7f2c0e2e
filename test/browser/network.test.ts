import type { Page } from 'playwright-core'
import { expect, inject, test } from 'vitest'
import { newPage, open, signIn, untilLoaded, useBrowser } from './support/browser.ts'

useBrowser()

const ME = '**/api/v1/auth/me'

async function signedIn(): Promise<Page> {
  const page = await newPage()
  await signIn(page, inject('server').credentials.user)
  return page
}

const problem = (status: number, headers: Record<string, string> = {}) => ({
  status,
  headers: { 'content-type': 'application/problem+json', ...headers },
  body: JSON.stringify({
    type: 'about:blank',
    title: 'It failed',
    status,
    detail: `Refused with ${status}.`,
    request_id: 'req-shown',
  }),
})

test('offline is shown at once, and disappears when the network is back', async () => {
  const page = await signedIn()
  await page.context().setOffline(true)
  await page.getByText('You are offline.').waitFor()
  await page.context().setOffline(false)
  await page.getByText('You are offline.').waitFor({ state: 'detached' })
})

test('a server error is shown with the request id, and a retry works', async () => {
  const page = await signedIn()
  await page.route(ME, (route) => route.fulfill(problem(500)))
  await open(page, '/')
  await page.getByRole('alert').waitFor()
  await page.getByText('req-shown').waitFor()
  await page.unroute(ME)
  await page.getByRole('button', { name: 'Try again' }).click()
  await untilLoaded(page)
})

test('too many attempts are reported with the time to wait', async () => {
  const page = await newPage()
  await page.route('**/api/v1/auth/browser/login', (route) => route.fulfill(problem(429, { 'retry-after': '42' })))
  await open(page, '/sign-in')
  await page.getByLabel('Email').fill('ada@example.com')
  await page.getByLabel('Password').fill('whatever it is')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('Try again in 42 seconds').waitFor()
})

test('an ended session leads to the sign-in, and from there back', async () => {
  const page = await signedIn()
  await page.context().clearCookies()
  await open(page, '/usage?interval=day')
  await page.waitForURL(/sign-in\?next=/)
  expect(new URL(page.url()).searchParams.get('next')).toBe('/usage?interval=day')
})

test('a slow response is shown as loading, and nothing jumps when it arrives', async () => {
  const page = await signedIn()
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  await page.route(ME, async (route) => {
    await released
    await route.continue()
  })
  await open(page, '/')
  await page.locator('[aria-busy="true"], [role="status"]').first().waitFor({ state: 'attached' })
  release()
  await untilLoaded(page)
})

test('a truncated request is reported as such', async () => {
  const page = await newPage()
  await page.route('**/api/v1/auth/browser/login', (route) => route.abort())
  await open(page, '/sign-in')
  await page.getByLabel('Email').fill('ada@example.com')
  await page.getByLabel('Password').fill('whatever it is')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect.poll(() => page.getByRole('alert').textContent()).toMatch(/reach/i)
})

/** From the next page on, an answer may take three seconds. */
const beImpatient = (page: Page) =>
  page.addInitScript(() => {
    const { timeout } = AbortSignal
    AbortSignal.timeout = (ms) => timeout.call(AbortSignal, ms / 10)
  })

test('a sign-in whose connection hangs is given up', async () => {
  const page = await newPage()
  await beImpatient(page)
  await page.route('**/api/v1/auth/browser/login', () => undefined)
  await open(page, '/sign-in')
  await page.getByLabel('Email').fill('ada@example.com')
  await page.getByLabel('Password').fill('whatever it is')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('alert').getByText('cannot be reached').waitFor()
})

test('a request whose connection hangs is given up', async () => {
  const page = await signedIn()
  await beImpatient(page)
  await page.route(ME, () => undefined)
  await open(page, '/')
  await page.getByRole('alert').getByText('cannot be reached').waitFor()
})
