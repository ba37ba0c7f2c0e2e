import { createExecutionContext, env, waitOnExecutionContext } from 'cloudflare:test'
import { describe, expect, test } from 'vitest'
import worker from '../../../../src/index.ts'
import { send } from '../../../support/direct.ts'
import { registeredUser } from '../../../support/http.ts'
import { mailTo, SUBJECTS } from '../../../support/mail.ts'

const PAGES = {
  '/account/verify-email': 1,
  '/account/reset-password': 2,
  '/account/confirm-email': 1,
  '/account/accept-invitation': 1,
}

/** The only address on a page, which loads when somebody follows it. */
const SIGN_IN = '<a href="/dashboard/sign-in">'

const hashOf = async (text = '') => {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return `'sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}'`
}

describe.each(Object.entries(PAGES))('%s', async (path, passwords) => {
  const response = await send(`GET ${path}`)
  const page = await response.text()

  test('is a page with headings, labels and live regions, in light and dark', () => {
    expect(response.status).toBe(200)
    expect(response.headers.get('Content-Type')).toMatch(/^text\/html; charset=utf-8$/i)
    expect(page).toMatch(/^<!doctype html><html lang="en">/)
    expect(page).toContain('<meta name="color-scheme" content="light dark"/>')
    expect(page.match(/<h1>/g)).toHaveLength(1)
    expect(page).toContain('role="status"')
    expect(page).toContain('role="alert"')
    const inputs = [...page.matchAll(/<input id="(\w+)"/g)].map(([, id]) => id)
    for (const id of inputs) expect(page).toContain(`<label for="${id}">`)
    expect(page.match(/autocomplete="(new|current)-password"/g) ?? []).toHaveLength(inputs.length)
    expect(inputs).toHaveLength(passwords)
  })

  test('runs one script and has one style, allowed by their hashes, and loads nothing', async () => {
    const policy = response.headers.get('Content-Security-Policy') ?? ''
    const scripts = [...page.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, text]) => text)
    const styles = [...page.matchAll(/<style>([\s\S]*?)<\/style>/g)].map(([, text]) => text)
    expect(scripts).toHaveLength(1)
    expect(styles).toHaveLength(1)
    expect(policy).toContain(`script-src ${await hashOf(scripts[0])};`)
    expect(policy).toContain(`style-src ${await hashOf(styles[0])};`)
    for (const rule of [
      "default-src 'none'",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ])
      expect(policy).toContain(rule)
    expect(policy).not.toContain('unsafe')
    expect(page.replaceAll(SIGN_IN, '')).not.toMatch(/\s(src|href|style|on\w+)="/)
  })

  test('is never cached and tells nobody where its reader was', () => {
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    expect(response.headers.get('Referrer-Policy')).toBe('no-referrer')
    expect(response.headers.get('X-Content-Type-Options')).toBe('nosniff')
    expect(response.headers.get('Cross-Origin-Opener-Policy')).toBe('same-origin')
    expect(response.headers.has('Set-Cookie')).toBe(false)
  })

  test('v5.0.0-14.2.1 reads no token from the query: it is the same page with one', async () => {
    expect(page).toContain('location.hash')
    expect(page).not.toContain('location.search')
    expect(await (await send(`GET ${path}?token=et_something<script>`)).text()).toBe(page)
  })

  test('v5.0.0-3.5.3 accepts GET and HEAD; other methods are refused', async () => {
    expect((await send(`HEAD ${path}`)).status).toBe(200)
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const refused = await send(`${method} ${path}`)
      expect(refused.status).toBe(405)
      expect(refused.headers.get('Allow')).toBe('GET, HEAD')
    }
  })
})

test('links to the dashboard, where there is one, once there is nothing left to do', async () => {
  const page = await (await send('GET /account/reset-password')).text()
  expect(page).toContain(`<p id="next" hidden="">${SIGN_IN}Sign in</a></p>`)
  const context = createExecutionContext()
  const request = new Request('https://tollgate.test/account/reset-password')
  const without = await worker.fetch(request, { ...env, ASSETS: undefined }, context)
  await waitOnExecutionContext(context)
  expect(await without.text()).not.toContain('href')
})

test('the link in an email leads to a page, and the page to the endpoint that takes its token', async () => {
  const person = await registeredUser()
  const [link = ''] = (await mailTo(person.email, SUBJECTS.verify)).links
  const page = await (await send(`GET ${new URL(link).pathname}`)).text()
  expect(page).toContain('data-endpoint="/api/v1/auth/email/verify"')
  expect(await (await send('GET /account/reset-password')).text()).toContain(
    'data-endpoint="/api/v1/auth/password/reset/confirm"',
  )
  expect(await (await send('GET /account/confirm-email')).text()).toContain(
    'data-endpoint="/api/v1/auth/email/change/confirm"',
  )
})
