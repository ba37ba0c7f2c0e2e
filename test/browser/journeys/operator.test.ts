import { expect, inject, test } from 'vitest'
import { callApi, newPerson } from '../support/api.ts'
import { newPage, open, signIn, useBrowser } from '../support/browser.ts'
import { dialog, expectFit, inDialog, LOOKS } from '../support/looks.ts'

useBrowser()

test.each(LOOKS)('a support session names its user on every screen, and ends (%s)', async (_, look) => {
  const person = await newPerson()
  const { id } = await callApi<{ id: string }>('GET', '/auth/me', { token: person.token })
  const page = await newPage(look)
  await signIn(page, inject('server').credentials.admin)
  await open(page, `/operator/users/${id}`)
  await page.getByRole('button', { name: 'Start support session' }).click()
  await page.getByLabel('Reason').fill('They asked for help with their keys.')
  const started = page.waitForResponse(/\/impersonate$/)
  await inDialog(page, 'Start session').click()
  const { access_token: token } = await (await started).json()
  const banner = page.getByRole('status').filter({ hasText: `You are acting as ${person.email}` })
  await banner.waitFor()
  await expectFit(page)
  await page.keyboard.press('Control+k')
  await page.getByPlaceholder('Search screens, keys and actions').fill('Usage')
  await page.keyboard.press('Enter')
  await banner.waitFor()
  await banner.getByRole('button', { name: 'End session' }).click()
  await banner.waitFor({ state: 'detached' })
  await page.waitForURL(/\/operator\/users/)
  await expect(callApi('GET', '/auth/me', { token })).rejects.toThrow('401')
})

test.each(LOOKS)('a price that the operator changes is what a customer sees (%s)', async (name, look) => {
  const price = 11 + LOOKS.findIndex(([one]) => one === name)
  const operator = await newPage(look)
  await signIn(operator, inject('server').credentials.admin)
  await open(operator, '/operator/plans/starter')
  const prices = operator.getByLabel('Prices')
  await prices.fill((await prices.inputValue()).replace(/usd [\d.]+/, `usd ${price}.00`))
  await operator.getByRole('button', { name: 'Save plan' }).click()
  await inDialog(operator, 'Save plan').waitFor()
  await expectFit(operator)
  await inDialog(operator, 'Save plan').click()
  await dialog(operator).waitFor({ state: 'detached' })

  const customer = await newPage(look)
  await signIn(customer, await newPerson())
  await open(customer, '/billing')
  await customer.getByRole('listitem').filter({ hasText: 'Starter' }).getByText(`$${price}`).first().waitFor()
  await expectFit(customer)
})
