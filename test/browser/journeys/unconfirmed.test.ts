import { expect, test } from 'vitest'
import { mailsTo, newPerson } from '../support/api.ts'
import { newPage, open, signIn, useBrowser } from '../support/browser.ts'
import { expectFit, LOOKS } from '../support/looks.ts'

useBrowser()

test.each(LOOKS)(
  'a user who gets no key before confirming the address is told so on every screen (%s)',
  async (_, look) => {
    const person = await newPerson()
    const page = await newPage(look)
    let isConfirmed = false
    await page.route('**/api/v1/auth/me', async (route) => {
      const answer = await route.fetch()
      await route.fulfill({
        response: answer,
        json: { ...(await answer.json()), keys_need_confirmation: !isConfirmed },
      })
    })
    await signIn(page, person)
    const told = page.getByText('Confirm your email address to create keys')
    for (const path of ['/keys', '/usage']) {
      await open(page, path)
      await told.waitFor()
    }
    await expectFit(page)
    const before = (await mailsTo(person.email)).length
    await page.getByRole('button', { name: 'Send another link' }).click()
    await page.getByText('Link sent').waitFor()
    await expect.poll(async () => (await mailsTo(person.email)).length, { timeout: 20_000 }).toBe(before + 1)
    isConfirmed = true
    await open(page, '/keys')
    await page.getByRole('heading', { name: 'API keys' }).waitFor()
    expect(await told.count()).toBe(0)
  },
)
