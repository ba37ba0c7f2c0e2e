import { expect, inject, test } from 'vitest'
import { callApi, newPerson } from '../support/api.ts'
import { newPage, open, signIn, untilShown, useBrowser } from '../support/browser.ts'
import { expectFit, LOOKS } from '../support/looks.ts'

useBrowser()

/** The demo has a custom meter: pages. */
test.each(LOOKS)('the operator sees who used what at a customer, including a custom meter (%s)', async (_, look) => {
  const { token, email } = await newPerson()
  const { organization_id: id } = await callApi<{ organization_id: string }>('GET', '/auth/me', { token })
  const events = [3, 4].map((pages, at) => ({
    id: `${email}-${at}`,
    endpoint: '/read',
    subject: `user-${pages}`,
    quantities: { pages },
  }))
  await callApi('POST', '/usage?durability=sync', { token, body: { events } })

  const page = await newPage(look)
  await signIn(page, inject('server').credentials.admin)
  await open(page, `/operator/customers/${id}`)
  await page.getByLabel('Show').selectOption({ label: 'Pages' })
  await page.getByText('Pages per day (UTC)').waitFor()
  await page.getByText('0 before').waitFor()
  const subjects = page.getByRole('region', { name: 'By subject' })
  await subjects.getByText("The users behind the customer's keys").waitFor()
  await subjects.getByText('user-4').waitFor()
  const own = subjects.getByRole('columnheader', { name: 'Pages', includeHidden: true })
  expect(await own.count()).toBe(1)
  expect(await subjects.getByRole('button').count()).toBe(0) // read only
  await page.getByRole('region', { name: 'Limits this period' }).getByText('7 pages').waitFor()
  await expectFit(page)

  await open(page, '/operator/usage?measure=pages')
  await page.getByRole('heading', { name: 'Pages by customer' }).waitFor()
  await untilShown(page)
  await expectFit(page)
})
