import { describe, expect, test, vi } from 'vitest'
import { CUSTOM_PERMISSIONS } from '../../../src/auth/roles.ts'
import { call } from '../../support/http.ts'
import { mailTo, tokenIn } from '../../support/mail.ts'
import { rolesIn } from '../../support/organizations.ts'
import { codeOf, newRoleMaker, type Person } from '../../support/roles.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

describe('nobody gets more by a role than whoever gives it has', () => {
  /** Manages people, and may see billing; nothing else. */
  const MANAGER = ['members:read', 'members:write', 'billing:read']

  async function managed() {
    const organization = await newRoleMaker()
    const { make, join } = organization
    await make('manager', MANAGER)
    await make('payer', ['billing:read', 'billing:write'])
    await make('reader', ['billing:read'])
    const [manager, admin, payer, reader] = await Promise.all(['manager', 'admin', 'payer', 'reader'].map(join))
    return { ...organization, manager, admin, payer, reader } as typeof organization &
      Record<'manager' | 'admin' | 'payer' | 'reader', Person>
  }

  test('a manager grants and revokes roles within their own, and no others', async () => {
    const { id, ask, make, give, manager, admin, payer, reader } = await managed()
    const refusals = [
      await give('admin', manager, manager),
      await give('owner', manager, manager),
      await give('viewer', reader, manager),
      await give('payer', reader, manager),
      await give('reader', payer, manager),
      await give('reader', admin, manager),
      await ask(`DELETE /members/${payer.user.id}`, undefined, manager),
      await ask(`DELETE /members/${admin.user.id}`, undefined, manager),
      await make('greedy', ['keys:read'], manager),
      await ask('PATCH /roles/manager', { permissions: [...MANAGER, 'billing:write'] }, manager),
      await ask('PATCH /roles/payer', { permissions: ['billing:read'] }, manager),
      await ask('PATCH /roles/payer', { description: 'Mine' }, manager),
      await ask('DELETE /roles/payer', undefined, manager),
      await ask('POST /invitations', { email: `i-${crypto.randomUUID()}@example.com`, role: 'viewer' }, manager),
    ]
    expect(refusals.map(codeOf)).toEqual(refusals.map(() => [403, 'forbidden']))
    expect(refusals.at(-1)?.body.detail).toBe('The role manager lacks keys:read.')
    expect(codeOf(await make('lesser', ['billing:read'], manager))).toEqual([201, undefined])
    expect((await give('lesser', reader, manager)).status).toBe(200)
    expect((await give('manager', reader, manager)).status).toBe(200)
    expect((await ask(`DELETE /members/${reader.user.id}`, undefined, manager)).status).toBe(204)
    expect(Object.values(await rolesIn(id)).toSorted()).toEqual(['admin', 'manager', 'owner', 'payer'])
  })

  test('an admin grants every role but owner, since none allows more', async () => {
    const { make, give, admin, reader } = await managed()
    expect((await make('all', CUSTOM_PERMISSIONS, admin)).status).toBe(201)
    expect((await give('all', reader, admin)).status).toBe(200)
    expect((await give('admin', reader, reader)).status).toBe(200)
    expect(codeOf(await give('owner', reader, admin))).toEqual([403, 'forbidden'])
  })

  test('whoever manages domains lets nobody join with more rights than themselves', async () => {
    const { ask, make, join } = await newRoleMaker()
    await make('domains', ['organization:write'])
    const person = await join('domains')
    const add = (join_role: string | null) =>
      ask('POST /domains', { domain: `d${crypto.randomUUID()}.example.org`, join_role }, person)
    expect(codeOf(await add('viewer'))).toEqual([403, 'forbidden'])
    const added = await add(null)
    expect(added.status).toBe(201)
    expect(codeOf(await ask(`PATCH /domains/${added.body.id}`, { join_role: 'viewer' }, person))).toEqual([
      403,
      'forbidden',
    ])
  })

  test('an invitation is valid only as long as its inviter could send it', async () => {
    const { ask, manager } = await managed()
    const email = `i-${crypto.randomUUID()}@example.com`
    expect((await ask('POST /invitations', { email, role: 'reader' }, manager)).status).toBe(201)
    const statusOf = async () => (await ask('GET /invitations')).body.data[0].status
    const body = { token: tokenIn(await mailTo(email, /^You are invited/)), password: 'correct horse battery staple' }
    const accept = () => call('POST /api/v1/organizations/invitations/accept', { body })
    await ask('PATCH /roles/reader', { permissions: ['billing:read', 'audit:read'] })
    expect(await statusOf()).toBe('revoked')
    expect(codeOf(await accept())).toEqual([400, 'invalid_token'])
    await ask('PATCH /roles/reader', { permissions: ['billing:read'] })
    expect(await statusOf()).toBe('pending')
    expect((await accept()).body).toMatchObject({ role: 'reader', is_new_account: true })
  })

  test("a member's key gets no scope that their role lacks", async () => {
    const { make, join } = await newRoleMaker()
    await make('keeper', ['keys:read', 'keys:write'])
    const { token } = await join('keeper')
    const issue = (scope: string) =>
      call('POST /api/v1/auth/api-keys', { token, body: { name: 'Key', scopes: [scope] } })
    expect(codeOf(await issue('tollgate:audit:read'))).toEqual([403, 'forbidden'])
    expect((await issue('tollgate:keys:read')).status).toBe(201)
  })
})
