import { expect, test } from 'vitest'
import { openSession } from '../../../../src/accounts/sessions/open.ts'
import { toStep, totp } from '../../../../src/lib/totp.ts'
import { directly } from '../../../support/direct.ts'
import { call, newUser } from '../../../support/http.ts'
import { managementDeps } from '../../../support/management.ts'

const deps = managementDeps(directly())

async function hashOf(userId: string): Promise<string> {
  const [row] = await deps.sql.query('select password_hash from users where id = $1', [userId])
  return row?.password_hash
}

async function sessionsOf(userId: string): Promise<number> {
  const [row] = await deps.sql.query(
    'select count(*)::int as live from sessions where user_id = $1 and ended_at is null',
    [userId],
  )
  return row?.live
}

test('a sign-in opens no session if the password changed meanwhile (v5.0.0-7.4.3)', async () => {
  const { user, token, password } = await newUser()
  const passwordHash = await hashOf(user.id)
  const change = { current_password: password, new_password: 'seven purple lanterns' }
  expect((await call('POST /api/v1/auth/password/change', { token, body: change })).status).toBe(204)
  await expect(openSession(deps, user.id, { factors: ['password'], passwordHash })).rejects.toMatchObject({
    code: 'invalid_credentials',
  })
  expect(await sessionsOf(user.id)).toBe(1)
})

test('a sign-in with the password alone opens no session once a second factor is enabled (v5.0.0-6.3.4)', async () => {
  const { user, token } = await newUser()
  const passwordHash = await hashOf(user.id)
  const { body } = await call('POST /api/v1/auth/2fa/setup', { token })
  const bits = [...body.secret]
    .map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'))
    .join('')
  const secret = Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2))
  const code = totp(secret, toStep(Date.now()))
  expect((await call('POST /api/v1/auth/2fa/enable', { token, body: { code } })).status).toBe(200)
  await expect(openSession(deps, user.id, { factors: ['password'], passwordHash })).rejects.toMatchObject({
    code: 'invalid_credentials',
  })
  expect(await sessionsOf(user.id)).toBe(1)
})

test('a sign-in opens no session if the account was disabled meanwhile, whatever its factors (v5.0.0-7.4.2)', async () => {
  const { user } = await newUser()
  await deps.sql.query('update users set is_active = false where id = $1', [user.id])
  await expect(openSession(deps, user.id, { factors: ['password', 'second_factor'] })).rejects.toMatchObject({
    code: 'invalid_credentials',
  })
})
