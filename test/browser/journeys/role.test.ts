import { expect, test } from 'vitest'
import { callApi, join, newPerson } from '../support/api.ts'
import { changeOrganization, newPage, open, signIn, useBrowser } from '../support/browser.ts'
import { dialog, expectFit, inDialog, LOOKS } from '../support/looks.ts'

useBrowser()

test.each(LOOKS)('an owner creates a role, and a member has it (%s)', async (_, look) => {
  const [owner, member] = [await newPerson(), await newPerson()]
  const { organization_id: own } = await callApi<{ organization_id: string }>('GET', '/auth/me', { token: owner.token })
  await join(owner, member, own)
  const page = await newPage(look)
  await signIn(page, owner)
  await open(page, '/members')
  const roles = page.getByRole('table', { name: 'Roles' })
  await roles.getByText('Admin', { exact: true }).waitFor()
  await expectFit(page)
  await page.getByRole('button', { name: 'New role' }).click()
  await dialog(page).getByLabel('Name', { exact: true }).fill('admin')
  await dialog(page).getByLabel('Purpose').fill('Pays the invoices')
  await inDialog(page, 'Create role').click()
  await dialog(page)
    .getByText(/built-in role/)
    .waitFor()
  await expectFit(page)
  await dialog(page).getByLabel('Name', { exact: true }).fill('billing')
  await dialog(page).getByLabel('See credits, spending and spend caps.').check()
  await dialog(page).getByLabel('Buy, change and cancel plans').check()
  await inDialog(page, 'Create role').click()
  await roles.getByText('Pays the invoices').first().waitFor()
  await expectFit(page)

  await page
    .getByRole('table', { name: 'Members' })
    .getByRole('button', { name: `Actions for ${member.email}` })
    .click()
  await page.getByRole('menuitem', { name: 'Change role' }).click()
  await dialog(page).getByLabel('billing').check()
  await expectFit(page)
  await inDialog(page, 'Change role').click()
  await page.getByText(`${member.email} is now billing`).waitFor()
  await roles.getByRole('button', { name: 'Actions for billing' }).click()
  await page.getByRole('menuitem', { name: 'Delete role' }).click()
  await inDialog(page, 'Delete role').click()
  await dialog(page).getByText('It belongs to 1 member.').waitFor()
  await expectFit(page)
  await inDialog(page, 'Cancel').click()

  const theirs = await newPage(look)
  await signIn(theirs, member)
  await changeOrganization(theirs, owner)
  await open(theirs, '/')
  await theirs.getByRole('heading', { name: 'Billing', level: 1 }).waitFor()
  await expectFit(theirs)
  await open(theirs, '/keys')
  await theirs.getByText('Your role, billing, lacks').waitFor()
  await expectFit(theirs)
  expect(await callApi('GET', `/organizations/${own}/members`, { token: member.token }).catch(String)).toContain('403')
})
