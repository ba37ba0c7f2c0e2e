/** `npm run screenshots`: pictures of every screen, from a server with the demo that it starts itself. */
import { globSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { readArguments } from './support/arguments.ts'
import { launchChromium } from './support/chromium.ts'
import { command } from './support/command.ts'
import { type DevServer, startDevServer } from './support/dev-server.ts'
import type { Login } from './support/seed-data.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const HELP = `Usage: npm run screenshots -- [--docs]

Takes a picture of every screen at 1280 and 360 px, light and dark, into .local/screenshots.
  --docs   takes those of the documentation instead, into docs/pictures
Environment: CHROMIUM for another Chromium than that in the usual places.`

const WIDTHS = [1280, 360] as const
const SCHEMES = ['light', 'dark'] as const

/** The documentation's pictures by name: whose screen, and its path. */
const PICTURES = {
  overview: ['user', '/'],
  keys: ['user', '/keys'],
  usage: ['user', '/usage'],
  limits: ['user', '/limits'],
  'operator-overview': ['admin', '/operator'],
  'operator-customer': ['admin', '/operator/customers/$id'],
} as const

await command(async function takeScreenshots() {
  const { values } = readArguments({ docs: { type: 'boolean' } })
  if (values.help) return console.log(HELP)
  const browser = await launchChromium()
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-screenshots-'))
  try {
    const server = await startDevServer(folder, '--demo')
    try {
      await (values.docs ? takePictures(browser, server) : takeAll(browser, server))
    } finally {
      await server.stop()
    }
  } finally {
    await browser.close()
    await rm(folder, { recursive: true, force: true })
  }
})

async function takePictures(browser: Browser, server: DevServer): Promise<void> {
  const target = `${ROOT}docs/pictures`
  await mkdir(target, { recursive: true })
  for (const [name, [who, path]] of Object.entries(PICTURES)) {
    const page = await signedIn(browser, server, server.credentials[who])
    await page.setViewportSize({ width: 1280, height: 720 })
    await show(page, server, await fillPath(page, server, path))
    await page.screenshot({ path: `${target}/${name}.png` })
    await page.context().close()
    console.log(`docs/pictures/${name}.png`)
  }
}

async function takeAll(browser: Browser, server: DevServer): Promise<void> {
  const target = `${ROOT}.local/screenshots`
  await mkdir(target, { recursive: true })
  const { admin, user } = server.credentials
  for (const [login, paths] of [
    [undefined, ['/sign-in', '/sign-up', '/forgot-password']],
    [user, listScreens().filter((path) => !path.startsWith('/operator'))],
    [admin, listScreens().filter((path) => path.startsWith('/operator'))],
  ] as const) {
    const page = await (login ? signedIn(browser, server, login) : browser.newPage())
    for (const path of paths) await takeScreen(page, server, { path, target })
    await page.context().close()
  }
}

async function takeScreen(page: Page, server: DevServer, { path, target }: { path: string; target: string }) {
  const filled = await fillPath(page, server, path).catch(() => undefined)
  if (filled === undefined) return console.log(`${path}: there is nothing to show`)
  const name = path.slice(1).replaceAll('/', '-').replace('-$', '-one-').replace('$', '') || 'overview'
  for (const width of WIDTHS)
    for (const colorScheme of SCHEMES) {
      await page.setViewportSize({ width, height: 900 })
      await page.emulateMedia({ colorScheme })
      await show(page, server, filled)
      await page.screenshot({ path: `${target}/${name}-${width}-${colorScheme}.png`, fullPage: true })
    }
  return console.log(`.local/screenshots/${name}-*.png`)
}

/** All screens of the router, except the page of all components. */
function listScreens(): string[] {
  const tables = globSync('dashboard/src/screens/*/screens.ts', { cwd: ROOT })
  const text = tables.map((table) => readFileSync(`${ROOT}${table}`, 'utf8')).join('\n')
  const paths = [...text.matchAll(/'(\/[^']*)': \[/g)].map(([, path = '']) => path)
  return paths.filter((path) => path !== '/_design').toSorted()
}

async function signedIn(browser: Browser, { baseUrl }: DevServer, { email, password }: Login): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(`${baseUrl}/dashboard/sign-in`)
  await page.getByLabel('Email').fill(email)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL((url) => !url.pathname.endsWith('/sign-in'))
  return page
}

async function show(page: Page, { baseUrl }: DevServer, path: string): Promise<void> {
  await page.goto(`${baseUrl}/dashboard${path}`)
  await page.locator('h1').first().waitFor()
  await page.waitForLoadState('networkidle')
  await page.waitForFunction(() => document.querySelector('.skeleton') === null)
}

/** The screen of one item shows the first item that its list links to. */
async function fillPath(page: Page, server: DevServer, path: string): Promise<string> {
  const [list = '', rest] = path.split('/$')
  if (rest === undefined) return path
  await show(page, server, list === '/operator/customers' ? `${list}?search=Northwind` : list)
  const link = page.locator(`a[href^="/dashboard${list}/"]:not([href$="/new"])`).first()
  const address = await link.getAttribute('href', { timeout: 3_000 })
  return (address ?? '').replace('/dashboard', '')
}
