import type { Page } from 'playwright-core'
import { describe, expect, inject, test } from 'vitest'
import {
  accessibilityFlaws,
  newPage,
  open,
  signIn,
  untilLoaded,
  untilStill,
  useBrowser,
  WIDTHS,
} from './support/browser.ts'

useBrowser()

const failure = (page: Page) => page.getByRole('heading', { name: 'This screen could not be shown' })
const screens = (page: Page) => page.getByRole('navigation', { name: 'Screens' })
/** For the lists of keys, not for one key. */
const KEYS = /\/api\/v1\/auth\/api-keys(\?|$)/

/** A user whose list of keys gets a response that the screen cannot render. */
async function withBrokenKeys(): Promise<Page> {
  const page = await newPage()
  await signIn(page, inject('server').credentials.user)
  await page.route(KEYS, (route) => route.fulfill({ json: { data: [null], next_cursor: null } }))
  await open(page, '/keys')
  await failure(page).waitFor()
  return page
}

describe('a screen that fails to render', () => {
  test('says so beside the side bar, and a retry shows it', async () => {
    const page = await withBrokenKeys()
    await page
      .getByRole('alert')
      .getByText(/TypeError/)
      .waitFor()
    await page.unroute(KEYS)
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('table', { name: 'API keys' }).waitFor()
  })

  test('links to the overview, and to every other screen', async () => {
    const page = await withBrokenKeys()
    await screens(page).getByRole('link', { name: 'Members' }).click()
    await page.getByRole('heading', { name: 'Members', level: 1 }).waitFor()
    await screens(page).getByRole('link', { name: 'API keys' }).click()
    await failure(page).waitFor()
    await page.getByRole('link', { name: 'Go to the overview' }).click()
    await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor()
  })

  test('is accessible in both themes, and fits on a phone', async () => {
    const page = await withBrokenKeys()
    await page.setViewportSize(WIDTHS.narrow)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await untilStill(page)
      expect(await accessibilityFlaws(page)).toEqual([])
    }
  })

  test('is loaded again with the page if its file does not arrive', async () => {
    const page = await newPage()
    await signIn(page, inject('server').credentials.user)
    const file = /\/dashboard\/assets\/members[^/]*\.js/
    await page.route(file, (route) => route.abort())
    await open(page, '/members')
    await page.getByText('A part of the dashboard could not be loaded.').waitFor()
    await page.unroute(file)
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('heading', { name: 'Members', level: 1 }).waitFor()
  })
})

const MEMBERS = /\/dashboard\/assets\/members[^/]*\.js/

test('a link that is only touched never reloads the page, also if its file is gone', async () => {
  const page = await newPage()
  await signIn(page, inject('server').credentials.user)
  await open(page, '/keys/new')
  await page.getByLabel('Name', { exact: true }).fill('Typed')
  await page.route(MEMBERS, (route) => route.abort())
  const failed = page.waitForEvent('requestfailed', (request) => MEMBERS.test(request.url()))
  const left = page.waitForEvent('framenavigated').then(
    () => true,
    () => false,
  )
  await screens(page).getByRole('link', { name: 'Members' }).hover()
  await failed
  await page.getByLabel('Description').fill('also typed')
  expect(await Promise.race([left, page.getByLabel('Name', { exact: true }).inputValue()])).toBe('Typed')
})

test('without a network, a screen says so and the page stays', async () => {
  const page = await newPage()
  await signIn(page, inject('server').credentials.user)
  await page.context().setOffline(true)
  await screens(page).getByRole('link', { name: 'Members' }).click()
  await page.getByText('The server cannot be reached.').first().waitFor()
  await page.keyboard.press('Control+k')
  await page.getByText('A part of the dashboard could not be loaded.').waitFor()
  await page.keyboard.press('Escape')
  await page.context().setOffline(false)
  await page.getByRole('button', { name: 'Try again' }).first().click()
  await page.getByRole('heading', { name: 'Members', level: 1 }).waitFor()
})

test('a dashboard that cannot start is loaded once more, and then says so', async () => {
  const page = await newPage()
  await signIn(page, inject('server').credentials.user)
  await page.route(/\/dashboard\/assets\/start[^/]*\.js/, (route) => route.abort())
  await open(page, '/keys')
  await page.getByText('The dashboard could not be loaded.').waitFor()
})

test.each(['user', 'admin'] as const)('every link of the side bar opens an existing screen (%s)', async (who) => {
  const page = await newPage()
  await signIn(page, inject('server').credentials[who])
  if (who === 'admin') await open(page, '/operator')
  await untilLoaded(page)
  const labels = await screens(page).getByRole('link').allTextContents()
  expect(labels.length).toBeGreaterThan(10)
  const headings: (string | null)[] = []
  for (const label of labels) {
    const link = screens(page).getByRole('link', { name: label, exact: true })
    await link.click()
    await link.and(page.locator('[aria-current="page"]')).waitFor()
    const heading = page.locator('h1').first()
    await expect // until the last screen has left
      .poll(() => heading.textContent(), { timeout: 20_000, message: `${label} shows no screen of its own` })
      .not.toBe(headings.at(-1))
    headings.push(await heading.textContent())
    if (who === 'admin' && label === 'Account') await open(page, '/operator')
  }
  expect(headings).not.toContain('Screen not found')
  expect(headings).not.toContain('This screen could not be shown')
  expect(new Set(headings).size).toBe(labels.length)
})
