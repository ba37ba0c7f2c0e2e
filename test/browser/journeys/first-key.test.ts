import { expect, test } from 'vitest'
import { mailsTo, PASSWORD } from '../support/api.ts'
import { newPage, open, untilLoaded, useBrowser } from '../support/browser.ts'
import { expectFit, inDialog, LOOKS, verify } from '../support/looks.ts'

useBrowser()

test.each(LOOKS)(
  'from registration by email, a first key and its first request to a higher, paid limit (%s)',
  async (_, look) => {
    const email = `first-${crypto.randomUUID()}@example.com`
    const page = await newPage(look)
    await open(page, '/sign-up')
    await page.getByLabel('Name').fill('Ada')
    await page.getByLabel('Email').fill(email)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign up' }).click()
    await page.waitForURL((url) => !url.pathname.endsWith('/sign-up'))
    await untilLoaded(page)
    await expect.poll(async () => (await mailsTo(email)).length, { timeout: 20_000 }).toBeGreaterThan(0)
    const [mail] = await mailsTo(email)
    await page.goto(mail?.links[0] ?? '')
    await page.getByRole('button').first().click()
    await page.getByText(/confirmed/i).waitFor()
    await expectFit(page)

    await open(page, '/onboarding')
    await page.getByRole('button', { name: 'Create key' }).click()
    const key = await page
      .locator('code', { hasText: /^ck_live_/ })
      .first()
      .textContent()
    await page.getByRole('button', { name: 'Agent' }).click()
    await page.getByText('"mcpServers"').waitFor()
    await expectFit(page)
    await page.getByText('Waiting for your first request').waitFor()
    expect(await verify(key ?? '')).toMatchObject({ valid: true })
    await page.getByText(/The first request arrived/).waitFor()
    await expectFit(page)

    await open(page, '/limits')
    await page
      .getByText(/of 100,000 /)
      .first()
      .waitFor()
    await open(page, '/billing')
    await page.getByRole('button', { name: 'Upgrade to Builder' }).click()
    await inDialog(page, 'Go to checkout').waitFor()
    await expectFit(page)
    await inDialog(page, 'Go to checkout').click()
    await page.waitForURL(/\/checkout\//)
    await page.getByRole('button').first().click()
    await page.waitForURL(/\/dashboard\/billing/)
    await page.getByText('You are on Builder.').waitFor()
    await open(page, '/limits')
    await page
      .getByText(/of 1,000,000 /)
      .first()
      .waitFor()
  },
)
