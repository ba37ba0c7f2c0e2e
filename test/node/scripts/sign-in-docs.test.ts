import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { parseSignInProviders } from '../../../src/config-providers.ts'
import { ROOT } from './support.ts'

const text = await readFile(join(ROOT, 'docs/operate/sign-in.md'), 'utf8')
const https = z.url({ protocol: /^https$/ })

test('the providers of the page are accepted, and mean what it says', () => {
  const [, json = ''] = /^```json\n(.*?)^```$/ms.exec(text) ?? []
  expect(parseSignInProviders(json, https)).toMatchObject([
    { id: 'google', name: 'Google', issuer: 'https://accounts.google.com', verifiedBy: 'email_verified' },
    { id: 'github', protocol: 'github', url: 'https://github.com', apiUrl: 'https://api.github.com' },
    {
      id: 'microsoft',
      issuer: 'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0',
      verifiedBy: 'xms_edov',
    },
    { id: 'acme', name: 'Acme', issuer: 'https://login.acme.com' },
  ])
})

const CLIENT = { client_id: 'a', client_secret: 'b' }
const google = { kind: 'google', ...CLIENT }

test.each([
  ['no list', '{}', 'is not a JSON list of identity providers'],
  ['an unknown kind', [{ kind: 'myspace', ...CLIENT }], 'provider 1: kind is missing or wrong'],
  ['a member that is not known', [{ ...google, scope: 'x' }], 'provider 1: scope is not known'],
  ['a missing secret', [{ kind: 'google', client_id: 'a' }], 'provider 1: client_secret is missing or wrong'],
  [
    'an OpenID provider without an issuer',
    [google, { kind: 'oidc', id: 'acme', name: 'Acme', ...CLIENT }],
    'provider 2: issuer is missing or wrong',
  ],
  [
    'plain HTTP',
    [{ kind: 'oidc', id: 'acme', name: 'Acme', issuer: 'http://acme.com', ...CLIENT }],
    'provider 1: issuer is missing or wrong',
  ],
  [
    'tenants of Microsoft taken together',
    [{ kind: 'microsoft', tenant: 'common', ...CLIENT }],
    'provider 1: tenant is missing or wrong',
  ],
  ['the same id twice', [google, google], 'has the same id twice'],
  [
    'more than ten',
    Array.from({ length: 11 }, (_, at) => ({ ...google, id: `g${at}` })),
    'must hold at most 10 providers',
  ],
])('%s is refused by its place, and no value is quoted', (_, given, expected) => {
  const json = typeof given === 'string' ? given : JSON.stringify(given)
  expect(parseSignInProviders(json, https)).toBe(expected)
})
