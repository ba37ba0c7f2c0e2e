import type { Page } from 'playwright-core'
import { expect, inject, test } from 'vitest'
import { callApi, newPerson } from './support/api.ts'
import { newPage, open, signIn, useBrowser } from './support/browser.ts'
import { expectFit } from './support/looks.ts'

useBrowser()

const inDialog = (page: Page, name: string) => page.getByRole('dialog').getByRole('button', { name, exact: true })

test('the operator adds a price, after errors are shown beside each field, and deletes it', async () => {
  const page = await newPage()
  await signIn(page, inject('server').credentials.admin)
  await open(page, '/operator/prices')
  const model = `own-${Date.now()}*`
  await page.getByRole('button', { name: 'Add price' }).first().click()
  await page.getByLabel('US dollars').fill('two')
  await inDialog(page, 'Add price').click()
  await page.getByText('Must be a provider.').waitFor()
  await page.getByText('Must be the name of a model.').waitFor()
  await page.getByText(/^Must be US dollars from 0/).waitFor()
  await page.getByLabel('Provider').fill('*')
  await page.getByLabel('Model').fill(model)
  await page.getByLabel('US dollars').fill('2.25')
  await inDialog(page, 'Add price').click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  const row = page.getByRole('row').filter({ hasText: model })
  expect(await row.innerText()).toMatch(/Any\s+Input tokens\s+\$2\.25 per million\s+\w+ \d+, \d+\s+In effect/)
  await row.getByRole('button', { name: /^Actions for/ }).click()
  await page.getByRole('menuitem', { name: 'Delete price' }).click()
  await inDialog(page, 'Delete price').click()
  await row.waitFor({ state: 'detached' })
})

test('the operator voids an event with a reason, and sees who did it, when, why and its previous counts', async () => {
  const { credentials } = inject('server')
  const { access_token: token } = await callApi<{ access_token: string }>('POST', '/auth/login', {
    body: credentials.user,
  })
  const id = `void-${Date.now()}`
  await callApi('POST', '/usage?durability=sync', {
    token,
    body: { events: [{ id, endpoint: '/void', queries: 1_234 }] },
  })
  const page = await newPage()
  await signIn(page, credentials.admin)
  await open(page, `/operator/requests?id=${id}`)
  await page.getByRole('button', { name: 'Void event' }).click()
  await inDialog(page, 'Void event').click()
  await page.getByText('Must be given.').waitFor()
  await page.getByLabel('Reason').fill('Reported twice')
  await inDialog(page, 'Void event').click()
  const voided = page.getByRole('region', { name: 'Voided' })
  await voided.waitFor()
  expect(await voided.innerText()).toMatch(/Reason\s+Reported twice\s+When\s.+\s+By\s+You\s[^]*Queries before\s+1,234/)
  await page.getByRole('button', { name: 'Void event' }).waitFor({ state: 'detached' })
})

test('the operator sets the price of a call, and customers see it with the plan', async () => {
  const { admin } = inject('server').credentials
  const { access_token: token } = await callApi<{ access_token: string }>('POST', '/auth/login', { body: admin })
  const id = `calls-${Date.now()}`
  const limits = { rate_limit_per_minute: 60, max_api_keys: 5, meters: {} }
  await callApi('POST', '/admin/plans', { token, body: { id, name: id, limits, prices: [], is_public: true } })
  const operator = await newPage()
  await signIn(operator, admin)
  await open(operator, `/operator/plans/${id}`)
  await operator.getByLabel('Price per call, US dollars').fill('0.0005')
  await operator.getByRole('button', { name: 'Save plan' }).click()
  await inDialog(operator, 'Save plan').click()
  await operator.getByRole('dialog').waitFor({ state: 'detached' })
  expect(await callApi('GET', `/admin/plans/${id}`, { token })).toMatchObject({ price_per_call_usd: '0.000500' })

  const customer = await newPage()
  await signIn(customer, await newPerson())
  await open(customer, '/billing')
  await customer.getByRole('listitem').filter({ hasText: id }).getByText('$0.0005').waitFor()
  await callApi('PATCH', `/admin/plans/${id}`, { token, body: { is_public: false } })
})

test('customers find the price of an image and of a request in the price list', async () => {
  const { admin } = inject('server').credentials
  const { access_token: token } = await callApi<{ access_token: string }>('POST', '/auth/login', { body: admin })
  const price = { provider: 'openai', model: `draw-${Date.now()}` }
  const made = [
    await callApi<{ id: string }>('POST', '/admin/prices', {
      token,
      body: { ...price, kind: 'image', usd_per_unit: '0.04' },
    }),
    await callApi<{ id: string }>('POST', '/admin/prices', {
      token,
      body: { ...price, kind: 'request', usd_per_unit: '0.0005' },
    }),
  ]
  const customer = await newPage()
  await signIn(customer, await newPerson())
  await open(customer, '/models?tab=prices')
  await customer.getByLabel('Search').fill(price.model)
  const row = customer.getByRole('row').filter({ hasText: price.model })
  await expect.poll(() => row.innerText(), { timeout: 20_000 }).toMatch(/openai\s+–\s+–\s+–\s+\$0\.04\s+\$0\.0005/)
  await customer.getByRole('columnheader', { name: 'Each image' }).waitFor()
  await customer.getByText(/per million tokens, per image and per request, as of/).waitFor()
  await customer.setViewportSize({ width: 360, height: 780 })
  await expectFit(customer)
  for (const { id } of made) await callApi('DELETE', `/admin/prices/${id}`, { token })
})
