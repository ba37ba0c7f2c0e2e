import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, BrowserContext, BrowserContextOptions, Page, Request } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, onTestFinished } from 'vitest'
import { launchChromium } from '../../../local/support/chromium.ts'
import type { Login } from '../../../local/support/seed-data.ts'

/** How long a condition may take; a machine may be busy. */
const WITHIN_MS = 30_000

export const WIDTHS = { wide: { width: 1280, height: 900 }, narrow: { width: 360, height: 780 } } as const

let browser: Browser

/** Opens the browser for the tests of a file. */
export function useBrowser(): void {
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser.close())
}

/** A browser of another user: no cookies, no storage. It is closed with the test. */
export async function newContext(options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await keepContext(options)
  onTestFinished(() => context.close())
  return context
}

/** The same, until the last test of the file. */
export async function keepContext(options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: WIDTHS.wide, reducedMotion: 'reduce', ...options })
  context.setDefaultTimeout(WITHIN_MS)
  context.on('page', watchRequests)
  return context
}

export async function newPage(options?: BrowserContextOptions): Promise<Page> {
  return (await newContext(options)).newPage()
}

/** @param path below /dashboard */
const addressOf = (path: string) => `${inject('server').baseUrl}/dashboard${path}`

export const open = (page: Page, path: string) => page.goto(addressOf(path))

export async function fillSignIn(page: Page, { email, password }: Login): Promise<void> {
  await page.getByLabel('Email').fill(email)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

/** Signs in, and waits for the first screen. */
export async function signIn(page: Page, login: Login): Promise<void> {
  await open(page, '/sign-in')
  await fillSignIn(page, login)
  await untilLoaded(page)
}

const waiting = new WeakMap<Page, Set<Request>>()

/** Records the API requests for which a page waits. */
function watchRequests(page: Page): void {
  const open = new Set<Request>()
  waiting.set(page, open)
  page.on('request', (request) => {
    if (request.url().includes('/api/v1/')) open.add(request)
  })
  page.on('response', (response) => open.delete(response.request())) // nobody reads the body of some
  page.on('requestfailed', (request) => open.delete(request))
}

/** Goes to the organization that a user got at registration. */
export async function changeOrganization(page: Page, { email }: Login): Promise<void> {
  if ((page.viewportSize()?.width ?? 0) < 768) await page.getByRole('button', { name: 'Open menu' }).click()
  await page.getByRole('button', { name: /^Organization: / }).click()
  await page.getByRole('menuitem', { name: email.replace(/@.*/, '') }).click()
  await page
    .getByText(/^Now in /)
    .first()
    .waitFor()
}

/** Waits until a screen's heading is there, also after a visit to a provider, and nothing is loading. */
export async function untilLoaded(page: Page): Promise<void> {
  await page.waitForURL(({ pathname }) => pathname.startsWith('/dashboard') && !pathname.endsWith('/sign-in'))
  await untilShown(page)
}

/** The same for a page that may be the sign-in page. */
export async function untilShown(page: Page): Promise<void> {
  await page.locator('h1').first().waitFor()
  const isQuiet = async () => (waiting.get(page)?.size ?? 0) === 0 && (await page.locator('.skeleton').count()) === 0
  await expect.poll(isQuiet, { timeout: WITHIN_MS, message: `${page.url()} is still loading` }).toBe(true)
}

/** axe's findings, one per line. */
export const accessibilityFlaws = (page: Page) => flawsOf(new AxeBuilder({ page }))

/** Rules that depend only on the theme's colors. */
export const contrastFlaws = (page: Page) => flawsOf(new AxeBuilder({ page }).withRules(['color-contrast']))

async function flawsOf(axe: AxeBuilder): Promise<string[]> {
  const { violations } = await axe.setLegacyMode().analyze() // without a page of its own: no screen has frames
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`))
}

/** Until colors and positions have stopped changing. Endless animations, like skeletons, are not awaited. */
export const untilStill = (page: Page) =>
  page.evaluate(async () => {
    await new Promise(requestAnimationFrame)
    const passing = document
      .getAnimations()
      .filter((one) => one.effect?.getTiming().iterations !== Number.POSITIVE_INFINITY)
    await Promise.allSettled(passing.map(({ finished }) => finished))
  })

/** Whether the page scrolls sideways. */
export const isTooWide = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)
