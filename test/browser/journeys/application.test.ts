import { expect, inject, test } from 'vitest'
import { callApi, newPerson } from '../support/api.ts'
import { newPage, open, useBrowser } from '../support/browser.ts'
import { expectFit, inDialog, LOOKS } from '../support/looks.ts'

useBrowser()

const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')

async function send<Answer>(path: string, body: string, type: string): Promise<Answer> {
  const headers = { 'Content-Type': type }
  const response = await fetch(`${inject('server').baseUrl}/oauth/${path}`, { method: 'POST', headers, body })
  expect(response.ok).toBe(true)
  return response.json() as Promise<Answer>
}

test.each(LOOKS)('a user authorizes an application, and revokes it (%s)', async (_, look) => {
  const { baseUrl } = inject('server')
  const person = await newPerson()
  const redirect_uri = `${baseUrl}/docs`
  const metadata = { client_name: 'Reporter', redirect_uris: [redirect_uri], token_endpoint_auth_method: 'none' }
  const { client_id } = await send<{ client_id: string }>('register', JSON.stringify(metadata), 'application/json')
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)))
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
  const ask = new URLSearchParams({
    client_id,
    redirect_uri,
    response_type: 'code',
    scope: 'reports:read reports:write',
    state: 'a state',
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: 'S256',
  })
  const page = await newPage(look)
  await page.goto(`${baseUrl}/oauth/authorize?${ask.toString()}`)
  await page.getByLabel('Email').fill(person.email)
  await page.getByLabel('Password', { exact: true }).fill(person.password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('heading', { name: 'Allow Reporter to act for you' }).waitFor()
  await page.getByLabel('Create and change reports.').uncheck()
  await expectFit(page)
  await page.getByRole('button', { name: 'Allow', exact: true }).click()
  await page.waitForURL(({ pathname, searchParams }) => pathname === '/docs' && searchParams.has('code'))
  const back = new URL(page.url()).searchParams
  expect([back.get('state'), back.get('iss')]).toEqual(['a state', baseUrl])
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    client_id,
    code: back.get('code') ?? '',
    code_verifier: verifier,
    redirect_uri,
  })
  const tokens = await send<{ scope: string }>('token', form.toString(), 'application/x-www-form-urlencoded')
  expect(tokens.scope).toBe('reports:read')

  await open(page, '/keys')
  await page.getByRole('link', { name: 'Reporter' }).first().click()
  await page.getByText('which renews it automatically').first().waitFor()
  expect(await page.getByRole('button', { name: 'Rotate' }).count()).toBe(0)
  await expectFit(page)

  await open(page, '/account')
  const list = page.getByRole('list', { name: 'Applications' })
  await list.getByText('Reporter').waitFor()
  await expectFit(page)
  await page.getByRole('button', { name: 'Revoke access of Reporter' }).click()
  await expectFit(page)
  await inDialog(page, 'Revoke access').click()
  await page.getByText('Reporter can no longer act for you').waitFor()
  await list.waitFor({ state: 'detached' })
  expect((await callApi<{ data: unknown[] }>('GET', '/auth/grants', { token: person.token })).data).toEqual([])

  ask.set('scope', 'everything')
  await page.goto(`${baseUrl}/oauth/authorize?${ask.toString()}`)
  await page.getByText('Its request is invalid: There is no scope everything.').waitFor()
  await expectFit(page)
  await page.getByRole('button', { name: 'Back to this computer' }).click()
  await page.waitForURL(({ searchParams }) => searchParams.get('error') === 'invalid_scope')
  await page.goto(`${baseUrl}/oauth/authorize?client_id=${crypto.randomUUID()}`)
  await page.getByRole('heading', { name: 'The application cannot be authorized' }).waitFor()
  await expectFit(page)
})
