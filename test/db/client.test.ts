import { afterEach, describe, expect, test, vi } from 'vitest'
import { directly } from '../support/direct.ts'
import { call, newUser } from '../support/http.ts'
import { countTrips } from '../support/isolate.ts'

afterEach(() => vi.restoreAllMocks())

/** Answers the first requests to the database as Postgres does when they lose against others. */
function overtake(sqlState: string, times: number, matching = '') {
  const real = globalThis.fetch
  let left = times
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const isMeant = typeof input === 'string' && input.includes('/sql') && JSON.stringify(init?.body).includes(matching)
    if (!isMeant || left-- <= 0) return real(input, init)
    return Response.json({ message: 'lost against another', code: sqlState }, { status: 400 })
  })
}

describe('a statement that Postgres undid in favour of another', () => {
  test.each(['40P01', '40001'])('is sent again, twice at most: %s', async (sqlState) => {
    overtake(sqlState, 2)
    expect(await directly().sql.query('select 1 as one')).toEqual([{ one: 1 }])
    overtake(sqlState, 3)
    await expect(directly().sql.query('select 1 as one')).rejects.toMatchObject({ code: sqlState })
  })

  test('is sent once where it failed for another reason', async () => {
    const { sql } = await countTrips(async () => {
      await expect(directly().sql.query('select 1/0')).rejects.toMatchObject({ code: '22012' })
    })
    expect(sql).toBe(1)
  })
})

test.each(['40P01', '23503'])(
  'who is overtaken all the same may ask again: %s is no error of ours',
  async (sqlState) => {
    const person = await newUser()
    overtake(sqlState, 3, 'update')
    const answer = await call('PUT /api/v1/auth/me', { token: person.token, body: { name: 'Ada' } })
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } })
  },
)
