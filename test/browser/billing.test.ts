import { expect, inject, test } from 'vitest'
import { callApi, newPerson } from './support/api.ts'
import { newPage, open, signIn, useBrowser } from './support/browser.ts'
import { dialog, inDialog } from './support/looks.ts'

useBrowser()

test('a monthly subscriber changes to yearly, and sees the cost beforehand', async () => {
  const page = await newPage()
  await signIn(page, await newPerson())
  await open(page, '/billing')
  await page.getByRole('button', { name: 'Upgrade to Builder' }).click()
  await inDialog(page, 'Go to checkout').click()
  await page.waitForURL(/\/checkout\//)
  await page.getByRole('button').first().click()
  await page.getByText('You are on Builder.').waitFor()
  await page.getByLabel('Billed every').selectOption('year')
  await page.getByRole('listitem').filter({ hasText: 'Builder' }).getByText(/\$190/).first().waitFor()
  await page.getByRole('button', { name: 'Change to Builder' }).click()
  await dialog(page)
    .getByText(/is charged now/)
    .waitFor()
  await dialog(page).getByText('Unused time on Builder').waitFor()
  await inDialog(page, 'Change to Builder').click()
  await dialog(page).waitFor({ state: 'detached' })
  await page.getByText('$190.00 a year').first().waitFor()
})

test('seats and add-ons are bought, and subscribers stay on a version until the operator moves them', async () => {
  const { admin } = inject('server').credentials
  const { access_token: token } = await callApi<{ access_token: string }>('POST', '/auth/login', { body: admin })
  const id = `crew-${Date.now()}`
  const sell = async (name: string, cents: number, seats?: object) => {
    const product = { act: 'add_product', id: `${id}-${name}`, name, plan: id, cents, ...(seats && { seats }) }
    const init = { method: 'POST', body: JSON.stringify(product) }
    expect((await fetch(`${inject('server').localUrl}/stripe/act`, init)).status).toBe(204)
    return { interval: 'month', currency: 'usd', amount_cents: cents, stripe_price_id: `${id}-${name}` }
  }
  const seats = { included: 2 }
  const body = {
    id,
    name: 'Crew',
    limits: { rate_limit_per_minute: 60, max_api_keys: 5, meters: {} },
    seats,
    prices: [{ ...(await sell('base', 1_000, { ...seats, cents: 500 })), seat_amount_cents: 500 }],
    addons: [{ id: 'keys', name: 'Ten keys', prices: [await sell('keys', 300)], limits: { max_api_keys: 10 } }],
  }
  await callApi('POST', '/admin/plans', { token, body })

  const page = await newPage()
  const person = await newPerson()
  await signIn(page, person)
  await open(page, '/billing')
  await page.getByRole('button', { name: 'Upgrade to Crew' }).click()
  await inDialog(page, 'Go to checkout').click()
  await page.waitForURL(/\/checkout\//)
  await page.getByRole('button').first().click()
  await page.getByText('You are on Crew.').waitFor()
  await page.getByRole('textbox', { name: 'Seats' }).fill('4')
  await page.getByRole('textbox', { name: 'Ten keys' }).fill('1')
  await page.getByRole('button', { name: 'Change seats and add-ons' }).click()
  await dialog(page)
    .getByText(/is charged now/)
    .waitFor()
  await inDialog(page, 'Change').click()
  await dialog(page).waitFor({ state: 'detached' })
  await page.getByText('$23.00').first().waitFor()

  const operator = await newPage()
  await signIn(operator, admin)
  await open(operator, `/operator/plans/${id}`)
  await operator.getByRole('textbox', { name: 'API keys' }).fill('7')
  await operator.getByRole('button', { name: 'Save plan' }).click()
  await inDialog(operator, 'Save plan').click()
  await operator.getByText(`${id}, version 2`).waitFor()
  const { organization_id } = await callApi<{ organization_id: string }>('GET', '/auth/me', { token: person.token })
  await open(operator, `/operator/customers/${organization_id}?tab=limits`)
  const limit = operator.getByRole('row').filter({ hasText: 'API keys' })
  await limit.waitFor()
  expect(await limit.innerText()).toMatch(/^API keys\s+5\s+–\s+15\s/) // of the plan's version, and with the add-on
  await open(operator, `/operator/plans/${id}`)
  await operator.getByRole('button', { name: 'Move customers' }).click()
  await inDialog(operator, 'Move customers').click()
  await operator.getByText('Moved 1').waitFor()
  await callApi('PATCH', `/admin/plans/${id}`, { token, body: { is_public: false } })
})

test('a plan without a base fee is bought like another, and only the way back to the free plan cancels', async () => {
  const { admin } = inject('server').credentials
  const { access_token: token } = await callApi<{ access_token: string }>('POST', '/auth/login', { body: admin })
  const id = `by-use-${Date.now()}`
  const product = { act: 'add_product', id, name: 'By use', plan: id, cents: 0 }
  const init = { method: 'POST', body: JSON.stringify(product) }
  expect((await fetch(`${inject('server').localUrl}/stripe/act`, init)).status).toBe(204)
  const body = {
    id,
    name: 'By use',
    limits: { rate_limit_per_minute: 60, max_api_keys: 5, meters: {} },
    prices: [{ interval: 'month', currency: 'usd', amount_cents: 0, stripe_price_id: id }],
  }
  await callApi('POST', '/admin/plans', { token, body })

  const page = await newPage()
  await signIn(page, await newPerson())
  await open(page, '/billing')
  await page.getByText('No base fee').waitFor()
  await page.getByRole('button', { name: 'Upgrade to By use' }).click()
  await inDialog(page, 'Go to checkout').click()
  await page.waitForURL(/\/checkout\//)
  await page.getByRole('button').first().click()
  await page.getByText('You are on By use.').waitFor()
  await page.getByRole('button', { name: 'Go back to Free' }).waitFor()
  expect(await page.getByRole('button', { name: 'Go back to By use' }).count()).toBe(0)
  await callApi('PATCH', `/admin/plans/${id}`, { token, body: { is_public: false } })
})
