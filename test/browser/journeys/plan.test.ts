import { expect, inject, test } from 'vitest'
import { callApi } from '../support/api.ts'
import { newPage, open, signIn, useBrowser } from '../support/browser.ts'
import { dialog, expectFit, inDialog, LOOKS } from '../support/looks.ts'

useBrowser()

test.each(LOOKS)('a plan gets credits, limits of every key and concurrent reservations (%s)', async (look, options) => {
  const { admin } = inject('server').credentials
  const { access_token: token } = await callApi<{ access_token: string }>('POST', '/auth/login', { body: admin })
  const id = `everything-${Date.now()}-${LOOKS.findIndex(([one]) => one === look)}`
  const page = await newPage(options)
  await signIn(page, admin)
  await open(page, '/operator/plans/new')
  await page.getByLabel('Id', { exact: true }).fill(id)
  await page.getByLabel('Name', { exact: true }).fill('Everything')
  await page.getByLabel('Included credits, US dollars').fill('twenty')
  await page.getByLabel('Rollover, US dollars').fill('5')
  await page.getByLabel('When credits are used up').selectOption('allow')
  await page.getByRole('button', { name: 'Add limit' }).click()
  await page.getByLabel('Name of limit 1').fill('Bursts')
  await page.getByLabel('Units of limit 1').fill('10')
  await page.getByLabel('Units per request of limit 1').fill('2')
  await page.getByRole('button', { name: 'Add limit' }).click()
  await page.getByLabel('Name of limit 2').fill('documents')
  await page.getByLabel('Units of limit 2').fill('50')
  await page.getByLabel('Meter of limit 2').selectOption({ label: 'Pages' })
  await page.getByLabel('What limit 2 applies to').selectOption('subject')
  await page.getByRole('button', { name: 'Add shared limit' }).click()
  await page.getByLabel('Name of shared limit 1').fill('budget')
  await page.getByLabel('Units of shared limit 1').fill('500')
  await page.getByLabel('Meter of shared limit 1').selectOption({ label: 'US dollars' })
  await page.getByLabel('Window of shared limit 1').selectOption({ label: 'calendar day' })
  await page.getByLabel('Concurrent reservations per key').fill('4')
  await page.getByLabel('Concurrent reservations, all keys').fill('twenty')
  await page.getByLabel('Overage of API calls').fill('rest 0.001\nstripe_meter=Calls')
  await page.getByRole('button', { name: 'Create plan' }).click()
  await page.getByText(/^Must be US dollars above 0/).waitFor()
  await page.getByText(/^Must be lower-case letters, digits, hyphens/).waitFor()
  await page.getByText('Must be a number, not a string.').waitFor()
  await expectFit(page)
  await page.getByLabel('Included credits, US dollars').fill('20')
  await page.getByLabel('Name of limit 1').fill('bursts')
  await page.getByLabel('Concurrent reservations, all keys').fill('20')
  await page.getByRole('button', { name: 'Create plan' }).click()
  await page.getByText('Plan created').first().waitFor()

  const made = {
    included_credits_usd: '20.000000',
    rollover_max_usd: '5.000000',
    at_no_credits: 'allow',
    limits: {
      key_max_concurrent: 4,
      max_concurrent: 20,
      key_limits: [
        { name: 'bursts', limit: 10, window_seconds: 86_400, cost: 2 },
        { name: 'documents', meter: 'pages', limit: 50, window_seconds: 86_400, per: 'subject' },
      ],
      organization_limits: [{ name: 'budget', meter: 'cost_usd', limit: '500.000000', period: 'day' }],
    },
    overage: { api_calls: { tiers: [{ up_to: null, unit_price_usd: '0.001' }], stripe_meter: 'Calls' } },
  }
  expect(await callApi('GET', `/admin/plans/${id}`, { token })).toMatchObject(made)

  await open(page, `/operator/plans/${id}`)
  await page.getByLabel('Concurrent reservations, all keys').fill('25')
  await page.getByLabel('When credits are used up').selectOption('block')
  await page.getByRole('button', { name: 'Remove limit 1' }).click()
  await page.getByRole('button', { name: 'Save plan' }).click()
  await dialog(page).getByText('20 → 25').waitFor()
  await dialog(page).getByText('Calls continue → Calls are refused').waitFor()
  await dialog(page)
    .getByText(/→ documents: 50 pages in any 24 hours, per subject$/)
    .waitFor()
  await expectFit(page)
  await inDialog(page, 'Save plan').click()
  await dialog(page).waitFor({ state: 'detached' })
  const limits = { ...made.limits, max_concurrent: 25, key_limits: made.limits.key_limits.slice(1) }
  expect(await callApi('GET', `/admin/plans/${id}`, { token })).toMatchObject({
    ...made,
    limits,
    at_no_credits: 'block',
  })
  await callApi('DELETE', `/admin/plans/${id}`, { token })
})
