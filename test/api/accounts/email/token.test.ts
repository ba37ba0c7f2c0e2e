import { describe, expect, test } from 'vitest'
import { EFFECTS, redeem, replaceEmailToken } from '../../../../src/accounts/email/queries.ts'
import { EMAIL_TOKENS, linkFor, newEmailToken } from '../../../../src/accounts/email/token.ts'
import { runBatch } from '../../../../src/db/batch.ts'
import { lockUser } from '../../../../src/db/locks.ts'
import { sha256 } from '../../../../src/lib/bytes.ts'
import { maskEmail } from '../../../../src/lib/mask-email.ts'
import { uuidv7 } from '../../../../src/lib/uuid.ts'
import { directly } from '../../../support/direct.ts'
import { newUser } from '../../../support/http.ts'
import { managementDeps } from '../../../support/management.ts'

const MINUTE = 60_000
const { db, sql } = managementDeps(directly())

/** A row for a user, as a request for a mail makes it. */
function rowFor(user: { id: string; email: string }) {
  const { token, hash } = newEmailToken()
  const now = Date.now()
  const expiresAt = new Date(now + 10 * MINUTE)
  const row = {
    id: uuidv7(now),
    userId: user.id,
    purpose: 'reset' as const,
    tokenHash: hash,
    email: user.email,
    expiresAt,
  }
  return { token, row }
}

test('v5.0.0-6.4.1 a token is 256 random bits, and no two are the same', () => {
  const tokens = Array.from({ length: 1_000 }, () => newEmailToken())
  expect(new Set(tokens.map(({ token }) => token)).size).toBe(1_000)
  for (const { token, hash } of tokens) {
    expect(atob(token.slice(3).replaceAll('-', '+').replaceAll('_', '/'))).toHaveLength(32)
    expect(hash).toEqual(sha256(token))
  }
})

test('v5.0.0-6.5.5 a reset lives ten minutes, a verification a day, a change an hour', () => {
  expect(Object.entries(EMAIL_TOKENS).map(([purpose, { lifetimeMs }]) => [purpose, lifetimeMs / MINUTE])).toEqual([
    ['verify', 1_440],
    ['reset', 10],
    ['change', 60],
  ])
})

test('v5.0.0-14.2.1 a link carries its token in the fragment', () => {
  expect(linkFor('https://tollgate.test', 'reset', 'et_1')).toBe(
    'https://tollgate.test/account/reset-password#token=et_1',
  )
})

describe('of twenty statements at once', () => {
  test('one uses the token, and the batches of the others are rolled back', async () => {
    const { user } = await newUser()
    const { row } = rowFor(user)
    await db.batch(replaceEmailToken(db, row))
    const use = { purpose: row.purpose, tokenHash: row.tokenHash, now: new Date() }
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, at) =>
        runBatch(db, { lock: lockUser(db, user.id), token: redeem(db, use, EFFECTS.reset(use.now, `hash ${at}`)) }),
      ),
    )
    const failed = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []))
    expect(failed).toEqual(Array(19).fill('invalid_token'))
    const [stored] = await sql.query('select password_hash from users where id = $1', [user.id])
    expect(stored?.password_hash).toBe(`hash ${results.findIndex(({ status }) => status === 'fulfilled')}`)
  })

  test('that each create a token, one remains', async () => {
    const { user } = await newUser()
    await Promise.all(Array.from({ length: 20 }, () => db.batch(replaceEmailToken(db, rowFor(user).row))))
    const [left] = await sql.query(
      `select count(*)::int as n from email_tokens where user_id = $1 and purpose = 'reset' and used_at is null`,
      [user.id],
    )
    expect(left?.n).toBe(1)
  })
})

test.each([
  ['ada@example.com', 'a…@example.com'],
  ['a@example.com', 'a…@example.com'],
  ['😀x@example.com', '😀…@example.com'],
])('of %s only this is kept forever: %s', (email, kept) => expect(maskEmail(email)).toBe(kept))
