import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { callApi, mailsTo, newPerson, switchOnTwoFactor } from '../support/api.ts'
import { fillSignIn, newPage, open, signIn, untilLoaded, useBrowser } from '../support/browser.ts'
import { expectFit, inDialog, LOOKS } from '../support/looks.ts'

useBrowser()

type Person = Awaited<ReturnType<typeof newPerson>>

/** Makes somebody a member by an invitation. */
async function join(owner: Person, guest: Person, organizationId: string): Promise<void> {
  const path = `/organizations/${organizationId}/invitations`
  await callApi('POST', path, { token: owner.token, body: { email: guest.email, role: 'member' } })
  const links = async () =>
    (await mailsTo(guest.email)).flatMap((mail) => mail.links.filter((link) => link.includes('#')))
  await expect.poll(async () => (await links()).join(), { timeout: 20_000 }).toContain('invitation')
  const link = (await links()).find((one) => one.includes('invitation')) ?? ''
  const token = new URL(link).hash.slice(1).replace(/^token=/, '')
  await callApi('POST', '/organizations/invitations/accept', { token: guest.token, body: { token } })
}

/** Switches somebody's second factor on, which ends their sessions, and signs them in with it. */
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

/** Goes to the organization that somebody got when they registered. */
async function changeOrganization(page: Page, { email }: Person, width: number): Promise<void> {
  if (width < 768) await page.getByRole('button', { name: 'Open menu' }).click()
  await page.getByRole('button', { name: /^Organization: / }).click()
  await page.getByRole('menuitem', { name: email.replace(/@.*/, '') }).click()
  await page
    .getByText(/^Now in /)
    .first()
    .waitFor()
}

test.each(LOOKS)('an owner requires a second factor, and a member sets one up to go on (%s)', async (_, look) => {
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
  await changeOrganization(held, owner, look.viewport.width)
  await held.getByRole('heading', { name: 'Second factor required' }).waitFor()
  await expectFit(held)
  await held.getByRole('button', { name: 'Leave organization' }).click()
  await expectFit(held)
  await inDialog(held, 'Cancel').click()
  await signInAgain(held, guest)
  await changeOrganization(held, owner, look.viewport.width)
  await open(held, '/members')
  await untilLoaded(held)
  await held.getByRole('table', { name: 'Members' }).getByText(owner.email).first().waitFor()
})
