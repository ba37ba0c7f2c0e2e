import { expect, test } from 'vitest'
import { saysAddress, toIdentity } from '../../../../src/accounts/identities/claims.ts'

const anyProvider = { issuer: 'https://login.acme.com', verifiedBy: 'email_verified' } as const
const microsoft = { issuer: 'https://login.microsoftonline.com/t/v2.0', verifiedBy: 'xms_edov' } as const
const claims = (more: object) => ({ sub: '42', email: ' Ada@Example.com ', ...more })

test('an identity is the issuer and the subject, with the address in its canonical form', () => {
  expect(toIdentity(anyProvider, claims({ email_verified: true, name: ' Ada\nLovelace ' }))).toEqual({
    issuer: 'https://login.acme.com',
    subject: '42',
    email: 'ada@example.com',
    isEmailVerified: true,
    name: 'Ada Lovelace',
  })
})

test.each([true, 'true', 1, '1'])('%j confirms an address', (email_verified) => {
  expect(toIdentity(anyProvider, claims({ email_verified })).isEmailVerified).toBe(true)
})

test.each([false, 'false', 0, '0', null, undefined, {}, 'yes'])('%j does not confirm it', (email_verified) => {
  expect(toIdentity(anyProvider, claims({ email_verified })).isEmailVerified).toBe(false)
})

test('an address from Microsoft is confirmed only by xms_edov: any tenant can write any address', () => {
  expect(toIdentity(microsoft, claims({ email_verified: true })).isEmailVerified).toBe(false)
  expect(toIdentity(microsoft, claims({ xms_edov: true })).isEmailVerified).toBe(true)
  expect(saysAddress(microsoft, claims({ email_verified: true }))).toBe(false)
})

test.each([undefined, 42, 'nobody', 'a@b@c', ''])('%j is not an address', (email) => {
  expect(toIdentity(anyProvider, claims({ email })).email).toBeNull()
})

test('a name is one line of at most 200 characters, or none', () => {
  const nameOf = (name: unknown) => toIdentity(anyProvider, claims({ name })).name
  expect([nameOf('x'.repeat(500))?.length, nameOf(' \t '), nameOf(7), nameOf(`${'x'.repeat(199)}😀`)]).toEqual([
    200,
    null,
    null,
    `${'x'.repeat(199)}\uFFFD`,
  ])
})
