import { expect, inject, test } from 'vitest'
import { dashboardPolicy } from '../../../src/dashboard/policy.ts'
import { newPage, useBrowser } from '../support/browser.ts'
import { expectFit, LOOKS } from '../support/looks.ts'

useBrowser()

const SITE_KEY = '1x00000000000000000000AA'

test.each(LOOKS)('a user registers after proving to be human (%s)', async (_, look) => {
  const { baseUrl, localUrl } = inject('server')
  const page = await newPage(look)
  const settings = { TURNSTILE_SITE_KEY: SITE_KEY, TURNSTILE_URL: `${localUrl}/turnstile/v0` }
  await page.route('**/dashboard/sign-up', async (route) => {
    const answer = await route.fetch()
    await route.fulfill({
      response: answer,
      headers: { ...answer.headers(), 'content-security-policy': dashboardPolicy(settings) },
    })
  })
  await page.route('**/auth/sign-in/methods', async (route) => {
    const answer = await route.fetch()
    const turnstile = { site_key: SITE_KEY, script_url: `${settings.TURNSTILE_URL}/api.js?render=explicit` }
    await route.fulfill({ response: answer, json: { ...(await answer.json()), turnstile } })
  })
  const sent: Record<string, unknown>[] = []
  await page.route('**/auth/register', async (route) => {
    const { turnstile_token, ...body } = route.request().postDataJSON() as Record<string, unknown>
    sent.push({ turnstile_token })
    await route.continue({ postData: JSON.stringify(body) }) // this server checks nobody
  })
  const script = await (await fetch(`${settings.TURNSTILE_URL}/api.js`)).text()
  // fetched here: a browser lets no page that was changed on the way ask this machine
  await page.route('**/turnstile/v0/api.js**', (route) =>
    route.fulfill({ contentType: 'text/javascript', body: script }),
  )
  await page.route('**/turnstile/v0/api.js**', (route) => route.abort(), { times: 1 })
  await page.goto(`${baseUrl}/dashboard/sign-up`)
  const submit = page.getByRole('button', { name: 'Sign up', exact: true })
  await page.getByText('The check that you are human did not load').waitFor()
  await submit.click()
  await page.getByText('Complete the check above first.').waitFor()
  await expectFit(page)
  await page.getByRole('button', { name: 'Try again' }).click()
  const check = page.getByLabel('I am a person')
  await check.waitFor()
  await page.getByLabel('Email').fill('no address')
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery')
  await check.check()
  await submit.click()
  await page.waitForFunction(() => document.querySelector<HTMLInputElement>('input[type=checkbox]')?.checked === false)
  await expectFit(page)
  await page.getByLabel('Email').fill(`person-${crypto.randomUUID()}@example.com`)
  await check.check()
  await submit.click()
  await page.waitForURL(({ pathname }) => !pathname.endsWith('/sign-up'))
  expect(sent).toHaveLength(2)
  expect(new Set(sent.map(({ turnstile_token }) => turnstile_token)).size).toBe(2)
})
