import { expect, inject, test } from 'vitest'
import { callApi, newPerson } from '../support/api.ts'
import { newPage, useBrowser } from '../support/browser.ts'
import { expectFit, LOOKS } from '../support/looks.ts'

useBrowser()

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code'

async function post<Answer>(path: string, fields: Record<string, string>): Promise<Answer> {
  const response = await fetch(`${inject('server').baseUrl}/oauth/${path}`, {
    method: 'POST',
    body: new URLSearchParams(fields),
  })
  return response.json() as Promise<Answer>
}

async function register(): Promise<{ client_id: string }> {
  const response = await fetch(`${inject('server').baseUrl}/oauth/register`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ client_name: 'Television', grant_types: [DEVICE], token_endpoint_auth_method: 'none' }),
  })
  return response.json() as Promise<{ client_id: string }>
}

interface Asked {
  readonly device_code: string
  readonly user_code: string
  readonly verification_uri: string
  readonly verification_uri_complete: string
}

test.each(LOOKS)('a user authorizes a device by its code, and refuses another (%s)', async (_, look) => {
  const person = await newPerson()
  const { client_id } = await register()
  const asked = await post<Asked>('device_authorization', { client_id, scope: 'reports:read reports:write' })
  const page = await newPage(look)
  await page.goto(asked.verification_uri)
  await page.getByLabel('Email').fill(person.email)
  await page.getByLabel('Password', { exact: true }).fill(person.password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByLabel('Code').fill('BBBB-BBBB')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByText('No device is waiting for this code').waitFor()
  await expectFit(page)
  await page.getByLabel('Code').fill(asked.user_code.toLowerCase())
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('heading', { name: 'Allow Television to act for you' }).waitFor()
  await page.getByLabel('Create and change reports.').uncheck()
  await expectFit(page)
  await page.getByRole('button', { name: 'Allow', exact: true }).click()
  await page.getByRole('heading', { name: 'Television can act for you' }).waitFor()
  await expectFit(page)
  const { device_code } = asked
  const tokens = await post<{ scope: string }>('token', { grant_type: DEVICE, client_id, device_code })
  expect(tokens.scope).toBe('reports:read')
  expect((await callApi<{ data: unknown[] }>('GET', '/auth/grants', { token: person.token })).data).toHaveLength(1)

  const other = await post<Asked>('device_authorization', { client_id })
  await page.goto(other.verification_uri_complete)
  expect(await page.getByLabel('Code').inputValue()).toBe(other.user_code)
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('button', { name: 'Deny' }).click()
  await page.getByRole('heading', { name: 'Television was denied' }).waitFor()
  const refused = await post<{ error: string }>('token', {
    grant_type: DEVICE,
    client_id,
    device_code: other.device_code,
  })
  expect(refused.error).toBe('access_denied')
})
