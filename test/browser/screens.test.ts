import type { Page } from 'playwright-core'
import { describe, expect, inject, test } from 'vitest'
import {
  accessibilityFlaws,
  expectNoSidewaysScroll,
  newPage,
  open,
  SCHEMES,
  signIn,
  untilLoaded,
  useBrowser,
  WIDTHS,
} from './support/browser.ts'
import { listScreens, OPEN_PAGES } from './support/routes.ts'

useBrowser()

/** Chromium's own limit for a good page is 0.1. */
const MOST_LAYOUT_SHIFT = 0.05

const SCREENS = listScreens().filter((path) => !path.includes('$'))

/** Notes how far things jump while a page is loaded. */
async function watchLayout(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const shifts: string[] = []
    Object.assign(globalThis, { layoutShifts: shifts, layoutShift: 0 })
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[])
        if (!entry.hadRecentInput) (globalThis as unknown as { layoutShift: number }).layoutShift += entry.value
    }).observe({ type: 'layout-shift', buffered: true })
  })
}

const layoutShift = (page: Page) => page.evaluate(() => (globalThis as unknown as { layoutShift: number }).layoutShift)

async function judge(page: Page, path: string): Promise<void> {
  const flaws: string[] = []
  for (const [width, viewport] of Object.entries(WIDTHS)) {
    await page.setViewportSize(viewport)
    await open(page, path)
    await page.locator('h1').first().waitFor()
    await page.waitForLoadState('networkidle')
    expect(await layoutShift(page), `${path} jumps (${width})`).toBeLessThanOrEqual(MOST_LAYOUT_SHIFT)
    await expectNoSidewaysScroll(page)
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme })
      flaws.push(...(await accessibilityFlaws(page)).map((flaw) => `${width}, ${colorScheme}: ${flaw}`))
    }
  }
  expect(flaws).toEqual([])
}

describe('every screen is accessible, keeps its place and fits, wide and narrow, in both themes', () => {
  test.each(OPEN_PAGES)('%s', async (path) => {
    const page = await newPage()
    await watchLayout(page)
    await judge(page, path)
  })

  test.each(SCREENS)('%s', async (path) => {
    const page = await newPage()
    await watchLayout(page)
    await signIn(page, path.startsWith('/operator') ? inject('credentials').admin : inject('credentials').user)
    await judge(page, path)
    await untilLoaded(page)
  })
})
