import { expect, test } from 'vitest'
import { call, newUser } from '../../../support/http.ts'
import { workerWith } from '../../../support/variant.ts'

const NEW = 'a-new-root-secret-of-at-least-32-bytes'
const OTHER = 'another-root-secret-of-at-least-32-bytes'

test('a repeated token exchange returns the same successor while the root secret is rotated', async () => {
  const { refreshToken } = await newUser()
  const body = { refresh_token: refreshToken }
  const first = await call('POST /api/v1/auth/refresh', { body })
  expect(first.status).toBe(200)
  const rotated = workerWith({ SECRET_KEYS: NEW })
  const again = await rotated.call('POST /api/v1/auth/refresh', body)
  expect(again.body.refresh_token).toBe(first.body.refresh_token)

  const next = await rotated.call('POST /api/v1/auth/refresh', { refresh_token: again.body.refresh_token })
  expect(next.status).toBe(200)
  const former = workerWith({ SECRET_KEYS: `${OTHER},${NEW}` })
  const repeated = await former.call('POST /api/v1/auth/refresh', { refresh_token: again.body.refresh_token })
  expect(repeated.body.refresh_token).toBe(next.body.refresh_token)
})
