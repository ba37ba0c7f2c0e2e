import { describe, expect, test, vi } from 'vitest'
import { directly } from '../../support/direct.ts'
import { administrator, call, newKeyHolder } from '../../support/http.ts'
import { makeLink, redeem, tokenOf } from '../../support/portal.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { sql } = directly()
const INVALID = { status: 400, body: { code: 'portal_link_invalid' } }
const newVerifier = () => crypto.randomUUID() + crypto.randomUUID()

async function opened(verifier?: string) {
  const { organizationId } = await newKeyHolder()
  const token = tokenOf(await makeLink(organizationId, ['keys:read']))
  const answer = await redeem(token, { ...(verifier && { verifier }) })
  expect(answer.status).toBe(200)
  return { organizationId, token, answer }
}

const age = (organizationId: string, seconds: number) =>
  sql.query(`update portal_sessions set used_at = now() - $2::int * interval '1 second' where organization_id = $1`, [
    organizationId,
    seconds,
  ])

describe('a repeated exchange of a portal link', () => {
  test('gets the same access with the same verifier, and is one use', async () => {
    const verifier = newVerifier()
    const { organizationId, token, answer } = await opened(verifier)
    const again = await redeem(token, { verifier })
    const other = { access_token: expect.any(String), expires_in: expect.any(Number) } // another signature of the same access
    expect([again.status, again.body]).toEqual([200, { ...answer.body, ...other }])
    expect((await call('GET /api/v1/auth/api-keys', { token: again.body.access_token })).status).toBe(200)
    const rows = await sql.query(
      `select 1 from audit_logs where organization_id = $1 and action = 'portal.session_redeemed'`,
      [organizationId],
    )
    expect(rows).toHaveLength(1)
  })

  test('is refused with another verifier, without one, and where the first had none', async () => {
    const { token } = await opened(newVerifier())
    expect(await redeem(token, { verifier: newVerifier() })).toMatchObject(INVALID)
    expect(await redeem(token)).toMatchObject(INVALID)
    const plain = await opened()
    expect(await redeem(plain.token, { verifier: newVerifier() })).toMatchObject(INVALID)
  })

  test('is answered for a minute', async () => {
    const verifier = newVerifier()
    const { organizationId, token } = await opened(verifier)
    await age(organizationId, 50)
    expect((await redeem(token, { verifier })).body.expires_in).toBeLessThanOrEqual(28_750)
    await age(organizationId, 61)
    expect(await redeem(token, { verifier })).toMatchObject(INVALID)
  })

  test('is refused once the organization is suspended', async () => {
    const verifier = newVerifier()
    const { organizationId, token } = await opened(verifier)
    const line = `PUT /api/v1/admin/organizations/${organizationId}/suspension`
    await call(line, { token: await administrator(), body: { suspended: true, reason: 'As agreed' } })
    expect(await redeem(token, { verifier })).toMatchObject(INVALID)
  })
})
