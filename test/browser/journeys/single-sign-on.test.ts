import { expect, inject, test } from 'vitest'
import { confirmAddress, join, newPerson, verifyDomain } from '../support/api.ts'
import { changeOrganization, newPage, open, signIn, untilLoaded, useBrowser } from '../support/browser.ts'
import { dialog, expectFit, inDialog, LOOKS } from '../support/looks.ts'

useBrowser()

test.each(LOOKS)(
  'an owner sets up single sign-on, a colleague signs in with it, and it becomes required (%s)',
  async (_, look) => {
    const domain = `s${crypto.randomUUID().slice(0, 8)}.example.org`
    const owner = await newPerson()
    const id = await verifyDomain(owner.token, domain)
    const page = await newPage(look)
    await signIn(page, owner)
    await open(page, '/organization')
    await page.getByRole('button', { name: 'Set up single sign-on' }).click()
    await dialog(page)
      .getByLabel('Issuer')
      .fill(`${inject('server').localUrl}/nowhere`)
    await dialog(page).getByLabel('Client id').fill('tollgate-local')
    await dialog(page).getByLabel('Client secret').fill('tollgate-local-secret')
    await dialog(page).getByLabel('Members').check()
    await inDialog(page, 'Save').click()
    await page.getByText(/does not answer with the metadata/i).waitFor()
    await expectFit(page)
    await dialog(page)
      .getByLabel('Issuer')
      .fill(`${inject('server').localUrl}/oidc`)
    await inDialog(page, 'Save').click()
    await page.getByText('Not tried yet').waitFor()
    await expectFit(page)

    const colleague = await newPage(look)
    await open(colleague, '/sign-in')
    await colleague.getByRole('button', { name: 'Single sign-on' }).click()
    await colleague.getByLabel('Email').fill(`ada@${domain}`)
    await expectFit(colleague)
    await colleague.getByRole('button', { name: 'Continue' }).click()
    await colleague.waitForURL(/\/oidc\//)
    expect(await colleague.getByLabel('Email').inputValue()).toBe(`ada@${domain}`)
    await colleague.getByRole('button', { name: 'Sign in' }).click()
    await untilLoaded(colleague)
    await open(colleague, '/members')
    await colleague.getByRole('table', { name: 'Members' }).getByText(owner.email).first().waitFor()

    await page.reload()
    await page.getByRole('button', { name: 'Change single sign-on' }).click()
    await dialog(page).getByLabel('Required for all but owners').check()
    await expectFit(page)
    await inDialog(page, 'Save').click()
    await page.getByText('For all but owners').waitFor()

    const member = await newPerson(domain)
    await confirmAddress(member)
    await join(owner, member, id)
    const held = await newPage(look)
    await signIn(held, member)
    await changeOrganization(held, owner)
    await held.getByRole('heading', { name: 'Single sign-on required' }).waitFor()
    await expectFit(held)
    await held.getByRole('button', { name: 'Single sign-on' }).click()
    await held.getByRole('button', { name: 'Sign in' }).click()
    await untilLoaded(held)
    await open(held, '/members')
    await held.getByRole('table', { name: 'Members' }).getByText(owner.email).first().waitFor()

    await page.getByRole('button', { name: 'Remove single sign-on' }).click()
    await expectFit(page)
    await inDialog(page, 'Remove').click()
    await page.getByText('No single sign-on').waitFor()
  },
)
