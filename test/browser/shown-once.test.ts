import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { newPerson } from './support/api.ts'
import { newPage, open, signIn, useBrowser, WIDTHS } from './support/browser.ts'
import { expectFit, inDialog } from './support/looks.ts'

useBrowser()

const secret = (page: Page) => page.getByRole('dialog', { name: 'Signing secret' })
const question = (page: Page) => page.getByRole('dialog', { name: 'Have you stored the secret?' })

async function openSecret(): Promise<Page> {
  const page = await newPage()
  await signIn(page, await newPerson())
  await open(page, '/keys')
  await page.getByRole('link', { name: 'Webhooks', exact: true }).click()
  await page.getByRole('button', { name: 'Add endpoint' }).click()
  await page.getByLabel('URL').fill('https://hooks.example.com/')
  await inDialog(page, 'Add endpoint').click()
  await secret(page).waitFor()
  return page
}

test('a secret that was not copied is asked about before it is closed, and a tap beside it does nothing', async () => {
  const page = await openSecret()
  await page.mouse.click(5, 5)
  await page.keyboard.press('Control+k')
  for (const close of [
    () => page.keyboard.press('Escape'),
    () => secret(page).getByRole('button', { name: 'Close' }).click(),
    () => secret(page).getByRole('button', { name: 'Done' }).click(),
    () => page.goBack(),
  ]) {
    await close()
    await question(page).waitFor()
    await question(page).getByRole('button', { name: 'Cancel' }).click()
    await question(page).waitFor({ state: 'detached' })
    await secret(page).waitFor()
  }
  await secret(page).getByRole('button', { name: 'Done' }).click()
  await question(page).waitFor()
  await page.setViewportSize(WIDTHS.narrow)
  await expectFit(page)
  await question(page).getByRole('button', { name: 'Yes, continue' }).click()
  await secret(page).waitFor({ state: 'detached' })
})

test('closing the tab asks before a secret that was not copied is lost', async () => {
  const page = await openSecret()
  const asked = page.waitForEvent('dialog')
  void page.close({ runBeforeUnload: true })
  const warning = await asked
  expect(warning.type()).toBe('beforeunload')
  await warning.dismiss()
  await secret(page).getByRole('button', { name: 'Show' }).waitFor()
})

test('once a secret was copied, nothing asks', async () => {
  const page = await openSecret()
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await secret(page).getByRole('button', { name: 'Copy secret' }).click()
  await secret(page).getByRole('button', { name: 'Copied' }).waitFor()
  await page.keyboard.press('Escape')
  await secret(page).waitFor({ state: 'detached' })
  expect(await question(page).count()).toBe(0)
})
