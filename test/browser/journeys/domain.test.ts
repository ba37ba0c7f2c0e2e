import { expect, inject, test } from 'vitest'
import { callApi, mailsTo, newPerson, PASSWORD } from '../support/api.ts'
import { newPage, open, signIn, useBrowser } from '../support/browser.ts'
import { dialog, expectFit, inDialog, LOOKS } from '../support/looks.ts'

useBrowser()

/** Somebody who registered with an address of a domain and has confirmed it. */
async function newColleague(domain: string) {
  const login = { email: `ada-${crypto.randomUUID().slice(0, 8)}@${domain}`, password: PASSWORD }
  await callApi('POST', '/auth/register', { body: login })
  await expect.poll(async () => (await mailsTo(login.email)).length, { timeout: 20_000 }).toBe(1)
  const [mail] = await mailsTo(login.email)
  const token = new URL(mail?.links[0] ?? '').hash.replace(/^#(token=)?/, '')
  await callApi('POST', '/auth/email/verify', { body: { token, password: PASSWORD } })
  return login
}

test.each(LOOKS)('a domain is proven in the DNS, and a colleague joins by it (%s)', async (_, look) => {
  const name = `d${crypto.randomUUID().slice(0, 8)}.example.org`
  const page = await newPage(look)
  await signIn(page, await newPerson())
  await open(page, '/organization')
  await page.getByRole('button', { name: 'Add domain' }).click()
  await dialog(page).getByLabel('Domain').fill(name)
  await dialog(page).getByLabel('Members').check()
  await expectFit(page)
  await inDialog(page, 'Add domain').click()
  const verify = page.getByRole('button', { name: `Verify ${name}` })
  await verify.click()
  await page.getByText(/has no TXT record yet/).waitFor()
  await expectFit(page)

  const value = await page.locator('code', { hasText: /^tollgate-domain-verification=/ }).textContent()
  await fetch(`${inject('server').localUrl}/dns/_tollgate-challenge.${name}`, {
    method: 'PUT',
    body: JSON.stringify([value]),
  })
  await verify.click()
  await page.getByText(/^Verified/).waitFor()
  await expectFit(page)

  const colleague = await newPage(look)
  await signIn(colleague, await newColleague(name))
  await colleague.getByText('Your email address lets you join it as member.').waitFor()
  await expectFit(colleague)
  await colleague.getByRole('button', { name: /^Join / }).click()
  await colleague
    .getByText(/^Now in /)
    .first()
    .waitFor()
  await open(colleague, '/organization')
  await colleague.getByText(name, { exact: true }).waitFor()
  expect(await colleague.getByRole('button', { name: 'Add domain' }).count()).toBe(0)

  await page.getByRole('button', { name: `Change ${name}` }).click()
  await dialog(page).getByLabel('Nobody').check()
  await expectFit(page)
  await inDialog(page, 'Save changes').click()
  await page.getByText('Nobody can join with it').waitFor()
  await page.getByRole('button', { name: `Remove ${name}` }).click()
  await expectFit(page)
  await inDialog(page, 'Remove domain').click()
  await page.getByText('Domain removed').first().waitFor()
})
