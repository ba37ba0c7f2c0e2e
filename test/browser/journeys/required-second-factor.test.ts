import type { Page } from 'playwright-core'
import { test } from 'vitest'
import { callApi, join, newPerson, type Person, switchOnTwoFactor } from '../support/api.ts'
import { changeOrganization, fillSignIn, newPage, open, signIn, untilLoaded, useBrowser } from '../support/browser.ts'
import { expectFit, inDialog, LOOKS } from '../support/looks.ts'

useBrowser()

/** Enables a user's second factor, which ends their sessions, and signs them in with it. */
async function signInAgain(page: Page, person: Person): Promise<void> {
  const { backupCodes } = await switchOnTwoFactor(person.token)
  await page.context().clearCookies()
  await open(page, '/sign-in')
  await fillSignIn(page, person)
  await page.getByRole('button', { name: 'Use a backup code' }).click()
  await page.getByLabel('Backup code').fill(backupCodes[0] ?? '')
  await page.getByRole('button', { name: 'Verify' }).click()
  await untilLoaded(page)
}

test.each(LOOKS)('an owner requires a second factor, and a member sets one up to continue (%s)', async (_, look) => {
  const [owner, guest] = [await newPerson(), await newPerson()]
  const { organization_id: id } = await callApi<{ organization_id: string }>('GET', '/auth/me', { token: owner.token })
  await join(owner, guest, id)
  const page = await newPage(look)
  await signIn(page, owner)
  await open(page, '/organization')
  await page.getByText('To require it').waitFor()
  await expectFit(page)
  await signInAgain(page, owner)
  await open(page, '/organization')
  await page.getByRole('button', { name: 'Require', exact: true }).click()
  await page.getByRole('listitem').filter({ hasText: guest.email }).waitFor()
  await expectFit(page)
  await inDialog(page, 'Require').click()
  await page.getByText('Second factor required', { exact: true }).first().waitFor()

  const held = await newPage(look)
  await signIn(held, guest)
  await changeOrganization(held, owner)
  await held.getByRole('heading', { name: 'Second factor required' }).waitFor()
  await expectFit(held)
  await held.getByRole('button', { name: 'Leave organization' }).click()
  await expectFit(held)
  await inDialog(held, 'Cancel').click()
  await signInAgain(held, guest)
  await changeOrganization(held, owner)
  await open(held, '/members')
  await untilLoaded(held)
  await held.getByRole('table', { name: 'Members' }).getByText(owner.email).first().waitFor()
})
