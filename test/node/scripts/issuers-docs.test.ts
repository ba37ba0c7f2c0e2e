import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { judgeClaims } from '../../../src/auth/issuers/rules.ts'
import { parseTrustedIssuers } from '../../../src/config-issuers.ts'
import { ROOT } from './support.ts'

const text = await readFile(join(ROOT, 'docs/operate/trusted-issuers.md'), 'utf8')
const sections = text
  .split(/^## /m)
  .map((section) => ({
    name: section.split('\n')[0] ?? '',
    blocks: [...section.matchAll(/^```json\n(.*?)^```$/gms)].map(([, json = '']) => json),
  }))
  .filter(({ blocks }) => blocks.length > 0)

const EXPECTED = {
  Clerk: { subject: 'user_2Nx', externalId: 'org_2Ab', role: 'admin' },
  Supabase: { subject: '8c7f…', externalId: 'customer_42', role: 'viewer' },
  Auth0: { subject: 'auth0|602c', externalId: 'org_9ybs', role: 'admin' },
}

test('the page has a worked example for each of the three, of claims and of settings', () => {
  expect(sections.map(({ name, blocks }) => [name, blocks.length])).toEqual(
    Object.keys(EXPECTED).map((name) => [name, 2]),
  )
})

test.each(sections)('the settings of $name accept the token next to them', ({ name, blocks }) => {
  const claims: { iss: string; exp: number } = JSON.parse(blocks[0] ?? '')
  const issuers = parseTrustedIssuers(blocks[1] ?? '', z.url({ protocol: /^https$/ }))
  if (typeof issuers === 'string' || !issuers[0])
    throw new Error(`The settings are refused: ${JSON.stringify(issuers)}`)
  expect(issuers[0].issuer).toBe(claims.iss)
  const judged = judgeClaims(issuers[0], claims, (claims.exp - 1) * 1000)
  expect(judged).toEqual({ issuer: claims.iss, ...EXPECTED[name as keyof typeof EXPECTED] })
  expect(judgeClaims({ ...issuers[0], audience: ['another'] }, claims, 0)).toBe('audience')
})
