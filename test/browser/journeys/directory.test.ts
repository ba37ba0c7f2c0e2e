import { expect, inject, test } from 'vitest'
import { callApi, newPerson, verifyDomain } from '../support/api.ts'
import { newPage, open, signIn, useBrowser } from '../support/browser.ts'
import { dialog, expectFit, inDialog, LOOKS } from '../support/looks.ts'

useBrowser()

const CORE = 'urn:ietf:params:scim:schemas:core:2.0'

/** Sends what a directory sends. */
async function send<Answer>(token: string, path: string, body: object): Promise<Answer> {
  const response = await fetch(`${inject('server').baseUrl}/scim/v2${path}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/scim+json' },
    body: JSON.stringify(body),
  })
  expect(response.status).toBe(201)
  return response.json() as Promise<Answer>
}

test.each(LOOKS)('an owner sets a directory up, and gives one of its groups a role (%s)', async (_, look) => {
  const domain = `d${crypto.randomUUID().slice(0, 8)}.example.org`
  const owner = await newPerson()
  await verifyDomain(owner.token, domain)
  const page = await newPage(look)
  await signIn(page, owner)
  await open(page, '/organization')
  await page.getByRole('button', { name: 'Set up directory' }).click()
  await dialog(page).getByLabel('Viewer').check()
  await expectFit(page)
  await inDialog(page, 'Save').click()
  await page.getByText('Not created yet').waitFor()
  await page.getByRole('button', { name: 'Create token' }).click()
  await inDialog(page, 'Create token').click()
  await inDialog(page, 'Show').click()
  const token = await dialog(page).locator('code').innerText()
  await expectFit(page)
  await inDialog(page, 'Done').click()
  await inDialog(page, 'Yes, continue').click()

  const { id } = await send<{ id: string }>(token, '/Users', {
    schemas: [`${CORE}:User`],
    userName: `ada@${domain}`,
    displayName: 'Ada Lovelace',
  })
  await send(token, '/Groups', { schemas: [`${CORE}:Group`], displayName: 'Engineering', members: [{ value: id }] })
  await page.reload()
  const groups = page.getByRole('list', { name: 'Groups of the directory' })
  await groups.getByText('1 person, no role').waitFor()
  await expectFit(page)
  await page.getByRole('button', { name: 'Change the role of Engineering' }).click()
  await dialog(page).getByLabel('Admin').check()
  await expectFit(page)
  await inDialog(page, 'Save').click()
  await groups.getByText('1 person, admin').waitFor()

  const { organization_id: own } = await callApi<{ organization_id: string }>('GET', '/auth/me', { token: owner.token })
  const members = await callApi<{ data: { email: string; role: string }[] }>('GET', `/organizations/${own}/members`, {
    token: owner.token,
  })
  expect(members.data.find(({ email }) => email === `ada@${domain}`)?.role).toBe('admin')
  await page.getByRole('button', { name: 'Remove directory' }).click()
  await expectFit(page)
  await inDialog(page, 'Remove').click()
  await page.getByText('No directory').waitFor()
})
