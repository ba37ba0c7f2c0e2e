import { expect, inject, test } from 'vitest'
import { callApi, newPerson } from './support/api.ts'
import { fillSignIn, newContext, newPage, open, signIn, untilLoaded, useBrowser } from './support/browser.ts'
import { dialog, expectFit, inDialog } from './support/looks.ts'

useBrowser()

interface Key {
  readonly id: string
  readonly name: string
  readonly allowed_ips: string[] | null
}

test('another user who signs in in one tab is announced in the others, which begin again', async () => {
  const [ada, bob] = [await newPerson(), await newPerson()]
  const context = await newContext()
  const [first, second] = [await context.newPage(), await context.newPage()]
  await open(second, '/sign-in') // somebody who is signed in is not asked
  await second.getByLabel('Email').waitFor()
  await signIn(first, ada)
  await open(first, '/keys')
  await untilLoaded(first)
  await fillSignIn(second, bob)
  await untilLoaded(second)

  await first.getByText('Another user is signed in').first().waitFor()
  await first.waitForURL(({ pathname }) => pathname === '/dashboard/')
  await open(first, '/account')
  await first.getByText(bob.email).first().waitFor()
})

test('a renamed key keeps what somebody else has restricted since the form was opened', async () => {
  const person = await newPerson()
  const { id } = await callApi<Key>('POST', '/auth/api-keys', { token: person.token, body: { name: 'Before' } })
  const page = await newPage()
  await signIn(page, person)
  await open(page, `/keys/${id}`)
  await page.getByRole('button', { name: 'Edit', exact: true }).click()
  await callApi('PATCH', `/auth/api-keys/${id}`, { token: person.token, body: { allowed_ips: ['192.0.2.1'] } })
  await page.getByLabel('Name', { exact: true }).fill('After')
  await inDialog(page, 'Save key').click()
  await page.getByText('Key changed').first().waitFor()
  const { name, allowed_ips } = await callApi<Key>('GET', `/auth/api-keys/${id}`, { token: person.token })
  expect([name, allowed_ips]).toEqual(['After', ['192.0.2.1']])
})

test('after an error, revoking several keys continues with those that are left', async () => {
  const person = await newPerson()
  for (const name of ['One', 'Two', 'Three'])
    await callApi('POST', '/auth/api-keys', { token: person.token, body: { name } })
  const page = await newPage()
  await signIn(page, person)
  await open(page, '/keys')
  await page.getByRole('button', { name: 'Revoke several' }).click()
  await dialog(page).getByText('All of these').click()
  let asked = 0
  await page.route(/\/api\/v1\/auth\/api-keys\/[^/?]+$/, (route) => {
    if (route.request().method() !== 'DELETE') return route.fallback()
    asked += 1
    return asked === 2 ? route.abort() : route.fallback()
  })
  await inDialog(page, 'Revoke 3 keys').click()
  await inDialog(page, 'Revoke 2 keys').click()
  await page.getByText('2 keys revoked').first().waitFor()
})

test('a revocation of several keys can be stopped: those whose turn has not come are kept', async () => {
  const person = await newPerson()
  for (const name of ['One', 'Two', 'Three'])
    await callApi('POST', '/auth/api-keys', { token: person.token, body: { name } })
  const page = await newPage()
  await signIn(page, person)
  await open(page, '/keys')
  await page.getByRole('button', { name: 'Revoke several' }).click()
  await dialog(page).getByText('All of these').click()
  const held = Promise.withResolvers<void>()
  await page.route(/\/api\/v1\/auth\/api-keys\/[^/?]+$/, async (route) => {
    if (route.request().method() === 'DELETE') await held.promise
    return route.fallback()
  })
  await inDialog(page, 'Revoke 3 keys').click()
  await inDialog(page, 'Stop').click()
  await expectFit(page)
  await page.keyboard.press('Escape') // closes when the one that is being revoked has ended
  await dialog(page).getByText('Stopping …').waitFor()
  held.resolve()
  await page.getByText('1 of 3 keys revoked').first().waitFor()
  await dialog(page).waitFor({ state: 'detached' })
  const { data } = await callApi<{ data: object[] }>('GET', '/auth/api-keys?status=active', { token: person.token })
  expect(data).toHaveLength(2)
})

test('rows of another filter look stale, and cannot be chosen for revocation', async () => {
  const person = await newPerson()
  for (const name of ['One', 'Two']) await callApi('POST', '/auth/api-keys', { token: person.token, body: { name } })
  const page = await newPage()
  await signIn(page, person)
  await open(page, '/keys')
  const table = page.getByRole('table', { name: 'API keys' })
  await table.getByText('Two').waitFor()
  const held = Promise.withResolvers<void>()
  await page.route(/[?&]search=o/, async (route) => {
    await held.promise
    return route.fallback()
  })
  await page.getByLabel('Search').fill('o')
  await expect.poll(() => table.getAttribute('aria-busy')).toBe('true')
  expect(await page.getByRole('button', { name: 'Revoke several' }).isDisabled()).toBe(true)
  held.resolve()
  await expect.poll(() => table.getAttribute('aria-busy')).toBeNull()
})

test('what is typed into the editor of a plan stays when somebody else changes the plan', async () => {
  const { admin } = inject('server').credentials
  const { access_token: token } = await callApi<{ access_token: string }>('POST', '/auth/login', { body: admin })
  const id = `shared-${Date.now()}`
  const limits = { rate_limit_per_minute: 100, max_api_keys: 5, meters: {} }
  await callApi('POST', '/admin/plans', { token, body: { id, name: 'Shared', prices: [], limits } })
  const page = await newPage()
  await signIn(page, admin)
  await open(page, `/operator/plans/${id}`)
  await page.getByLabel('Name', { exact: true }).fill('Typed')
  await callApi('PATCH', `/admin/plans/${id}`, { token, body: { trial_days: 3 } })
  const reconnect = async () => {
    for (const isOffline of [true, false]) await page.context().setOffline(isOffline)
    return page.getByText('Somebody else has changed this').count()
  }
  await expect.poll(reconnect, { timeout: 60_000, interval: 1_000 }).toBe(1) // what is read again is read ten seconds later at the earliest
  expect(await page.getByLabel('Name', { exact: true }).inputValue()).toBe('Typed')
  await expectFit(page)

  await page.getByRole('button', { name: 'Save plan' }).click()
  await inDialog(page, 'Save plan').click()
  await page.getByText('Plan changed').first().waitFor()
  expect(await callApi('GET', `/admin/plans/${id}`, { token })).toMatchObject({ name: 'Typed', trial_days: 3 })
})
