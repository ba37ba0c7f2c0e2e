import { expect, test } from 'vitest'
import { newPerson } from '../support/api.ts'
import { codeOf } from '../support/authenticator.ts'
import { fillSignIn, newPage, open, signIn, untilLoaded, useBrowser } from '../support/browser.ts'
import { dialog, expectFit, inDialog, LOOKS } from '../support/looks.ts'

useBrowser()

test.each(LOOKS)(
  'a second factor that is set up here is required, and a backup code can replace it (%s)',
  async (_, look) => {
    const person = await newPerson()
    const page = await newPage(look)
    await signIn(page, person)
    await open(page, '/account')
    await page.getByRole('button', { name: 'Set up' }).click()
    const secret = await dialog(page)
      .locator('p', { hasText: /^[A-Z2-7]{4} / })
      .textContent()
    await expectFit(page)
    await dialog(page)
      .getByLabel(/Code/)
      .fill(codeOf((secret ?? '').replaceAll(/[^A-Z2-7]/g, '')))
    await inDialog(page, 'Enable').click()
    const codes = page.getByRole('list', { name: 'Backup codes' }).getByRole('listitem')
    await codes.first().waitFor()
    expect(await codes.count()).toBe(10)
    await expectFit(page)
    const backup = await codes.first().textContent()

    const other = await newPage(look)
    await open(other, '/sign-in')
    await fillSignIn(other, person)
    await other.getByRole('button', { name: 'Use a backup code' }).click()
    await other.getByLabel('Backup code').fill(backup ?? '')
    await other.getByRole('button', { name: 'Verify' }).click()
    await untilLoaded(other)
  },
)
