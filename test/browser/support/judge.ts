import type { BrowserContext, Page } from 'playwright-core'
import { expect, inject, onTestFinished } from 'vitest'
import { callApi } from './api.ts'
import {
  accessibilityFlaws,
  contrastFlaws,
  isTooWide,
  keepContext,
  open,
  signIn,
  untilShown,
  untilStill,
  WIDTHS,
} from './browser.ts'

/** Chromium's own limit for a good page is 0.1. */
const MOST_LAYOUT_SHIFT = 0.05

const VISITS = [
  ['wide', WIDTHS.wide, ['light', 'dark']],
  ['narrow', WIDTHS.narrow, ['dark', 'light']],
] as const

/** Which list has an object that a screen with a parameter can show. */
const LISTS: Readonly<Record<string, string>> = {
  '/keys/$id': '/auth/api-keys',
  '/webhooks/$id': '/webhook-endpoints',
  '/operator/keys/$id': '/admin/keys?name=Production',
  '/operator/customers/$id': '/admin/organizations?search=Northwind',
  '/operator/gateway/$id': '/admin/routes',
  '/operator/meters/$id': '/admin/meters',
  '/operator/plans/$id': '/admin/plans',
  '/operator/users/$id': '/admin/users',
  '/operator/webhooks/$id': '/admin/webhooks',
}

/** How to create what the demo lacks. */
const MADE: Readonly<Record<string, readonly [path: string, body: () => object]>> = {
  '/operator/webhooks/$id': ['/admin/webhooks', () => ({ url: `${inject('server').localUrl}/webhooks/catch/all` })],
}

type Who = 'user' | 'admin'

const loginFor = (path: string) => inject('server').credentials[path.startsWith('/operator') ? 'admin' : 'user']

/** @returns the path with the id of an existing object */
async function fillPath(path: string): Promise<string> {
  if (!path.includes('$')) return path
  const { access_token: token } = await callApi<{ access_token: string }>('POST', '/auth/login', {
    body: loginFor(path),
  })
  const made = MADE[path]
  if (made) await callApi('POST', made[0], { token, body: made[1]() })
  const list = LISTS[path]
  if (!list) throw new Error(`Say in LISTS what ${path} can show.`)
  const { data } = await callApi<{ data: { id?: string; slug?: string; organization?: { id: string } }[] }>(
    'GET',
    list,
    { token },
  )
  const [first] = data
  if (!first) throw new Error(`${list} lists nothing.`)
  return `${path.replace('$id', first.id ?? first.slug ?? '')}${first.organization ? `?customer=${first.organization.id}` : ''}`
}

interface Layout {
  shift: number
  /** What moved, by its first words. */
  moved: string[]
}

/** Records how far things jump while a page loads. */
async function watchLayout(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
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

/**
 * Loads a screen once for each width, and looks at it in both themes. What depends on colors is judged in both, all else
 * in one.
 */
export async function judge(page: Page, path: string): Promise<void> {
  const flaws: string[] = []
  for (const [width, viewport, schemes] of VISITS) {
    await page.setViewportSize(viewport)
    await page.emulateMedia({ colorScheme: schemes[0] })
    await open(page, path)
    await untilShown(page)
    const { shift, moved } = await readLayout(page)
    if (shift > MOST_LAYOUT_SHIFT) flaws.push(`${width}: it jumps by ${shift.toFixed(3)}: ${moved.join(', ')}`)
    if (await isTooWide(page)) flaws.push(`${width}: it scrolls sideways`)
    for (const [at, colorScheme] of schemes.entries()) {
      await page.emulateMedia({ colorScheme })
      await untilStill(page)
      const found = at === 0 ? await accessibilityFlaws(page) : await contrastFlaws(page)
      flaws.push(...found.map((flaw) => `${width}, ${colorScheme}: ${flaw}`))
    }
  }
  expect(flaws.join('\n')).toBe('')
}

const contexts = new Map<string, Promise<BrowserContext>>()

async function openContext(who: Who | 'nobody'): Promise<BrowserContext> {
  const context = await keepContext()
  await watchLayout(context)
  if (who === 'nobody') return context
  const page = await context.newPage()
  await signIn(page, inject('server').credentials[who])
  await page.close()
  return context
}

/** A page of a user who has signed in once for all tests of the file. */
export async function pageOf(who: Who | 'nobody'): Promise<Page> {
  const context = contexts.get(who) ?? openContext(who)
  contexts.set(who, context)
  const page = await (await context).newPage()
  onTestFinished(() => page.close())
  return page
}

/** Checks a screen, with the id of an existing object in place of its parameter. */
export async function judgeScreen(path: string): Promise<void> {
  const who = path.startsWith('/operator') ? 'admin' : 'user'
  await judge(await pageOf(who), await fillPath(path))
}
