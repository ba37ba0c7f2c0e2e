import type { Page } from 'playwright-core'
import { describe, expect, inject, test } from 'vitest'
import { callApi } from './support/api.ts'
import {
  accessibilityFlaws,
  isTooWide,
  newPage,
  open,
  SCHEMES,
  signIn,
  untilShown,
  untilStill,
  useBrowser,
  WIDTHS,
} from './support/browser.ts'
import { listScreens, OPEN_PAGES } from './support/routes.ts'

useBrowser()

/** Chromium's own limit for a good page is 0.1. */
const MOST_LAYOUT_SHIFT = 0.05

/** The page of all components shows skeletons for good. */
const SCREENS = listScreens().filter((path) => path !== '/_design')

/** Which list has something that a screen with a parameter can show. */
const LISTS: Readonly<Record<string, string>> = {
  '/keys/$id': '/auth/api-keys',
  '/webhooks/$id': '/webhook-endpoints',
  '/operator/customers/$id': '/admin/organizations?search=Northwind',
  '/operator/plans/$id': '/admin/plans',
  '/operator/users/$id': '/admin/users',
  '/operator/webhooks/$id': '/admin/webhooks',
}

const loginFor = (path: string) => inject('server').credentials[path.startsWith('/operator') ? 'admin' : 'user']

/** @returns the path with the id of something that is there */
async function fillPath(path: string): Promise<string> {
  if (!path.includes('$')) return path
  const { access_token: token } = await callApi<{ access_token: string }>('POST', '/auth/login', {
    body: loginFor(path),
  })
  if (path === '/operator/webhooks/$id')
    await callApi('POST', '/admin/webhooks', {
      token,
      body: { url: `${inject('server').localUrl}/webhooks/catch/all` },
    })
  const list = LISTS[path]
  if (!list) throw new Error(`Say in LISTS what ${path} can show.`)
  const { data } = await callApi<{ data: { id: string }[] }>('GET', list, { token })
  return path.replace('$id', data[0]?.id ?? '')
}

interface Layout {
  shift: number
  /** What moved, by its first words. */
  moved: string[]
}

/** Notes how far things jump while a page is loaded. */
async function watchLayout(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const layout: Layout = { shift: 0, moved: [] }
    Object.assign(globalThis, { layout })
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as Shift[]) {
        if (entry.hadRecentInput) continue
        layout.shift += entry.value
        layout.moved.push(...entry.sources.map(({ node }) => `${node?.nodeName} ${node?.textContent?.slice(0, 30)}`))
      }
    }).observe({ type: 'layout-shift', buffered: true })
  })
}

interface Shift extends PerformanceEntry {
  readonly value: number
  readonly hadRecentInput: boolean
  readonly sources: readonly { readonly node: Node | null }[]
}

const readLayout = (page: Page) => page.evaluate(() => (globalThis as unknown as { layout: Layout }).layout)

async function judge(page: Page, path: string): Promise<void> {
  const flaws: string[] = []
  for (const [width, viewport] of Object.entries(WIDTHS)) {
    await page.setViewportSize(viewport)
    await open(page, path)
    await untilShown(page)
    const { shift, moved } = await readLayout(page)
    if (shift > MOST_LAYOUT_SHIFT) flaws.push(`${width}: it jumps by ${shift.toFixed(3)}: ${moved.join(', ')}`)
    if (await isTooWide(page)) flaws.push(`${width}: it scrolls sideways`)
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme })
      await untilStill(page)
      flaws.push(...(await accessibilityFlaws(page)).map((flaw) => `${width}, ${colorScheme}: ${flaw}`))
    }
  }
  expect(flaws.join('\n')).toBe('')
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
    await signIn(page, loginFor(path))
    await judge(page, await fillPath(path))
  })
})
