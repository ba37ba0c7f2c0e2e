import { expect, inject, test } from 'vitest'
import { callApi, newPerson } from '../support/api.ts'
import { newPage, open, signIn, useBrowser } from '../support/browser.ts'
import { dialog, expectFit, inDialog, LOOKS } from '../support/looks.ts'

useBrowser()

test.each(LOOKS)(
  'a customer gets a number of concurrent reservations of its own, and gives it back (%s)',
  async (_, look) => {
    const { admin } = inject('server').credentials
    const { access_token: token } = await callApi<{ access_token: string }>('POST', '/auth/login', { body: admin })
    const person = await newPerson()
    const { organization_id: id } = await callApi<{ organization_id: string }>('GET', '/auth/me', {
      token: person.token,
    })
    const overrides = async () =>
      (await callApi<{ limit_overrides: object }>('GET', `/admin/organizations/${id}`, { token })).limit_overrides
    const page = await newPage(look)
    await signIn(page, admin)
    await open(page, `/operator/customers/${id}?tab=limits`)
    const row = page.getByRole('row').filter({ hasText: 'Concurrent reservations' })
    await row.getByText('No limit').first().waitFor()

    const save = async (most: string) => {
      await page.getByRole('button', { name: 'Edit overrides' }).click()
      await page.getByLabel('Concurrent reservations').fill(most)
      await inDialog(page, 'Save overrides').click()
    }
    await save('none')
    await dialog(page).getByText('Must be a number, not a string.').waitFor()
    await expectFit(page)
    await page.getByLabel('Concurrent reservations').fill('12')
    await inDialog(page, 'Save overrides').click()
    await dialog(page).waitFor({ state: 'detached' })
    await row.getByText('12').nth(1).waitFor()
    await expectFit(page)
    expect(await overrides()).toEqual({ max_concurrent: 12 })

    await page.getByRole('button', { name: 'Edit overrides' }).click()
    await page.getByRole('button', { name: 'Add shared limit' }).click()
    await page.getByLabel('Units of shared limit 1').fill('2000000')
    await page.getByLabel('Meter of shared limit 1').selectOption({ label: 'tokens' })
    await page.getByLabel('Window of shared limit 1').selectOption({ label: 'any minute' })
    await inDialog(page, 'Save overrides').click()
    await dialog(page)
      .getByText(/^Must be lower-case letters, digits, hyphens/)
      .waitFor()
    await expectFit(page)
    await page.getByLabel('Name of shared limit 1').fill('tokens')
    await inDialog(page, 'Save overrides').click()
    await dialog(page).waitFor({ state: 'detached' })
    await page.getByText('2,000,000 tokens in any minute').waitFor()
    await expectFit(page)
    const organization_limits = [{ name: 'tokens', meter: 'tokens', limit: 2_000_000, window_seconds: 60 }]
    expect(await overrides()).toEqual({ max_concurrent: 12, organization_limits })

    await page.getByRole('button', { name: 'Edit overrides' }).click()
    await page.getByRole('button', { name: 'Remove shared limit 1' }).click()
    await inDialog(page, 'Save overrides').click()
    await dialog(page).waitFor({ state: 'detached' })
    await save('')
    await row.getByText('12').first().waitFor({ state: 'detached' })
    expect(await overrides()).toEqual({})
  },
)
