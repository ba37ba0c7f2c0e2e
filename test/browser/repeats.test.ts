import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { callApi, newPerson, type Person } from './support/api.ts'
import { newPage, open, signIn, useBrowser } from './support/browser.ts'
import { verify } from './support/looks.ts'

useBrowser()

const KEYS = /\/api\/v1\/auth\/api-keys(\?|$)/
const UNAVAILABLE = {
  status: 503,
  contentType: 'application/problem+json',
  body: JSON.stringify({ status: 503, title: 'Unavailable', code: 'unavailable' }),
}

async function openCreate(): Promise<{ page: Page; person: Person }> {
  const person = await newPerson()
  await callApi('POST', '/auth/api-keys', { token: person.token, body: { name: 'First' } })
  const page = await newPage()
  await signIn(page, person)
  await open(page, '/keys/new')
  await page.getByLabel('Name', { exact: true }).fill('Second')
  return { page, person }
}

const create = (page: Page) => page.getByRole('button', { name: 'Create key', exact: true })

/** The key that the page shows, once. */
async function shownKey(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Show', exact: true }).click()
  return (
    (await page
      .locator('code', { hasText: /^ck_live_/ })
      .first()
      .textContent()) ?? ''
  )
}

const namesOf = async ({ token }: Person) => {
  const { data } = await callApi<{ data: { name: string }[] }>('GET', '/auth/api-keys', { token })
  return data.map(({ name }) => name).toSorted()
}

test('what a person repeats after lost answers has its effect once, and its secret is shown', async () => {
  const { page, person } = await openCreate()
  await page.getByLabel('Expires').selectOption('30')
  let lost = 0
  await page.route(KEYS, async (route) => {
    if (route.request().method() !== 'POST' || lost === 3) return route.fallback()
    await route.fetch() // it has its effect
    lost += 1
    return route.fulfill(UNAVAILABLE)
  })
  await create(page).click()
  await page.getByRole('alert').waitFor()
  expect(lost).toBe(3)

  await create(page).click()
  expect(await verify(await shownKey(page))).toMatchObject({ valid: true })
  expect(await namesOf(person)).toEqual(['First', 'Second'])
})

test('an answer that breaks off is asked for again', async () => {
  const { page, person } = await openCreate()
  await page.evaluate(() => {
    const { fetch } = globalThis
    globalThis.fetch = async (input, init) => {
      const { status, headers } = await fetch(input, init)
      globalThis.fetch = fetch
      const broken = new ReadableStream({ start: (body) => body.error(new TypeError('network error')) })
      return new Response(broken, { status, headers })
    }
  })
  await create(page).click()
  expect(await verify(await shownKey(page))).toMatchObject({ valid: true })
  expect(await namesOf(person)).toEqual(['First', 'Second'])
})

test('a secret is shown before the lists behind it are read again', async () => {
  const { page } = await openCreate()
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  await page.route('**/api/v1/**', async (route) => {
    if (route.request().method() === 'GET') await released
    return route.fallback()
  })
  await create(page).click()
  expect(await verify(await shownKey(page))).toMatchObject({ valid: true })
  release()
})

test('a deletion whose answer was lost has succeeded, although a repeat finds nothing', async () => {
  const person = await newPerson()
  const body = { url: 'https://hooks.example.com/', events: ['key.created'] }
  const { id } = await callApi<{ id: string }>('POST', '/webhook-endpoints', { token: person.token, body })
  const page = await newPage()
  await signIn(page, person)
  await open(page, `/webhooks/${id}`)
  let asked = 0
  await page.route(/\/api\/v1\/webhook-endpoints\/[^/?]+$/, async (route) => {
    if (route.request().method() !== 'DELETE') return route.fallback()
    asked += 1
    if (asked > 1) return route.fallback()
    await route.fetch() // it has its effect
    return route.fulfill(UNAVAILABLE)
  })
  await page.getByRole('button', { name: 'More actions' }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('textbox').fill('Hooks.example.com ')
  await page.getByRole('button', { name: 'Delete endpoint' }).click()
  await page.getByText('Endpoint deleted').first().waitFor()
  expect(asked).toBe(2)
})
