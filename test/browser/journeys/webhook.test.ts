import { expect, inject, test } from 'vitest'
import { callApi, newPerson } from '../support/api.ts'
import { newPage, open, signIn, useBrowser } from '../support/browser.ts'
import { dialog, expectFit, inDialog, LOOKS } from '../support/looks.ts'

useBrowser()

test.each(LOOKS)(
  'an event that an endpoint refuses is shown as failed, and delivered once it is resent (%s)',
  async (_, look) => {
    const person = await newPerson()
    const caught = `/webhooks/catch/${crypto.randomUUID()}`
    const url = `${inject('server').localUrl}${caught}`
    const page = await newPage(look)
    await signIn(page, person)
    await open(page, '/webhooks')
    await page.getByRole('button', { name: 'Add endpoint' }).click()
    await page.getByLabel('URL').fill(`${url}?status=500`)
    await inDialog(page, 'Add endpoint').click()
    await inDialog(page, 'Done').click()
    await inDialog(page, 'Yes, continue').click()
    const { data } = await callApi<{ data: { id: string }[] }>('GET', '/webhook-endpoints', { token: person.token })
    const path = `/webhook-endpoints/${data[0]?.id}`
    await open(page, `/webhooks/${data[0]?.id}`)
    await page.getByRole('button', { name: 'Send test event' }).click()
    const row = page.getByRole('row', { name: /webhook\.test/ })
    await row.getByText('Failed').waitFor()
    await row
      .getByRole('button', { name: /webhook\.test/ })
      .first()
      .click()
    await dialog(page).getByText('500').first().waitFor()
    await expectFit(page)

    await callApi('PATCH', path, { token: person.token, body: { url } })
    await inDialog(page, 'Resend').click()
    await dialog(page).getByText('204').first().waitFor()
    await page.keyboard.press('Escape')
    await row.getByText('Delivered').waitFor()
    const came = await fetch(`${inject('server').localUrl}/webhooks?format=json&path=${caught}`)
    expect(await came.text()).toContain('webhook.test')
  },
)
