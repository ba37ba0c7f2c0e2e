import { expect, inject, test } from 'vitest'
import { callApi } from './support/api.ts'
import { newContext, newPage, open, signIn, untilLoaded, useBrowser } from './support/browser.ts'

useBrowser()

const BACK = 'https://app.example.com/settings'

/** A portal link from a back end, as a path below /dashboard. */
async function makeLink(scopes: readonly string[], name = 'Acme'): Promise<string> {
  const { admin } = inject('server').credentials
  const { access_token: token } = await callApi<{ access_token: string }>('POST', '/auth/login', { body: admin })
  const body = { name: 'Portal', scopes: ['platform:portal', 'platform:organizations:*'] }
  const { key } = await callApi<{ key: string }>('POST', '/admin/service-keys', { token, body })
  const customer = `/admin/organizations/by-external-id/customer-${crypto.randomUUID()}`
  const { id } = await callApi<{ id: string }>('PUT', customer, { token: key, body: { name } })
  const link = { organization_id: id, scopes, return_url: BACK }
  const { url } = await callApi<{ url: string }>('POST', '/portal/sessions', { token: key, body: link })
  return url.split('/dashboard')[1] ?? ''
}

test('a link opens the screens of its scopes, leaves the address, and outlives a reload', async () => {
  const page = await newPage()
  const link = await makeLink(['keys:read', 'webhooks:read'])
  await open(page, link)
  await page.waitForURL(/\/dashboard\/keys$/)
  await untilLoaded(page)
  const screens = page.getByRole('navigation', { name: 'Screens' }).getByRole('link')
  expect(await screens.allTextContents()).toEqual(['API keys', 'Webhooks'])
  expect(await page.getByRole('link', { name: 'Back to app.example.com' }).getAttribute('href')).toBe(BACK)
  await page.reload()
  await untilLoaded(page)
  expect(await screens.allTextContents()).toEqual(['API keys', 'Webhooks'])
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]))
  expect(kept).not.toMatch(/eyJ|pt_/)
  await open(page, link)
  await page.getByText('This link was already used').waitFor()
  expect(page.url()).not.toContain('pt_')
})

test('a signed-in user and a portal in two tabs of one browser do not disturb each other', async () => {
  const context = await newContext()
  const [own, portal] = [await context.newPage(), await context.newPage()]
  await signIn(own, inject('server').credentials.user)
  await open(portal, await makeLink(['keys:read']))
  await portal.waitForURL(/\/dashboard\/keys$/)
  for (const page of [own, portal]) {
    await page.reload()
    await untilLoaded(page)
  }
  const organization = { name: /^Organization: / } // only people with an account have the menu
  await own.getByRole('button', organization).waitFor()
  await portal.getByRole('link', { name: 'Back to app.example.com' }).waitFor()
  expect(await portal.getByRole('button', organization).count()).toBe(0)
})

test('reports that the session has ended', async () => {
  const page = await newPage()
  await open(page, await makeLink(['keys:read']))
  await page.waitForURL(/\/dashboard\/keys$/)
  await untilLoaded(page)
  await page.context().clearCookies()
  await page.reload()
  await page.getByText('Your session has ended').waitFor()
})

test('a second link leaves the tab of the first one alone, and each says whose portal it is', async () => {
  const context = await newContext()
  const [first, second] = [await context.newPage(), await context.newPage()]
  await open(first, await makeLink(['keys:read'], 'First customer'))
  await first.getByText('First customer').waitFor()
  await open(second, await makeLink(['keys:read'], 'Second customer'))
  await second.getByText('Second customer').waitFor()
  await first.reload()
  await first.getByText('Your session has ended').waitFor()
  await second.reload()
  await second.getByText('Second customer').waitFor()
})

test('a tab whose session has ended opens no session of another organization when it is reloaded', async () => {
  const context = await newContext()
  const [first, second] = [await context.newPage(), await context.newPage()]
  await open(first, await makeLink(['keys:read'], 'First customer'))
  await first.getByText('First customer').waitFor()
  await open(second, await makeLink(['keys:read'], 'Second customer'))
  await second.getByText('Second customer').waitFor()
  await first.route('**/api/v1/**', (route) => route.fulfill({ status: 401, json: { code: 'unauthorized' } }))
  await first.getByLabel('Search').fill('any')
  await first.getByText('Your session has ended').waitFor()
  await first.unroute('**/api/v1/**')
  await first.reload()
  await first.getByText('Your session has ended').waitFor()
  await second.reload()
  await second.getByText('Second customer').waitFor()
})

test('a link whose answer is lost on a bad network is tried again', async () => {
  const page = await newPage()
  let asked = 0
  await page.route('**/portal/redeem', async (route) => {
    asked += 1
    if (asked === 1) await route.fetch() // it has its effect
    return asked < 3 ? route.abort() : route.fallback()
  })
  await open(page, await makeLink(['keys:read']))
  for (const tries of [1, 2]) {
    await page.getByRole('alert').getByText('cannot be reached').waitFor()
    expect(asked).toBe(tries)
    await page.getByRole('button', { name: 'Try again' }).click()
    await expect.poll(() => asked).toBe(tries + 1)
  }
  await page.waitForURL(/\/dashboard\/keys$/)
  await untilLoaded(page)
})
