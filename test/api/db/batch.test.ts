import { sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { requirement, requireThat, runBatch, tryBatch } from '../../../src/db/batch.ts'
import { ormOver } from '../../../src/db/orm.ts'
import { users } from '../../../src/db/schema/users.ts'
import { directly } from '../../support/direct.ts'
import { newUser } from '../../support/http.ts'

const db = ormOver(directly().sql)

async function renameOf(userId: string) {
  const isUser = sql`id = ${userId}::uuid`
  const rename = (name: string) => db.update(users).set({ name }).where(isUser).returning({ name: users.name })
  const readName = async () => (await db.select({ name: users.name }).from(users).where(isUser))[0]?.name
  return { rename, readName, before: await readName() }
}

describe('a batch', () => {
  test('returns what each step returned under its name, including lists and missing steps', async () => {
    const { rename } = await renameOf((await newUser()).user.id)
    const done = await runBatch(db, {
      first: rename('one'),
      absent: undefined,
      list: [rename('two'), rename('three')],
      empty: [],
      allowed: requireThat(db, sql`true`, 'forbidden'),
      last: rename('four'),
    })
    expect(done).toMatchObject({
      first: [{ name: 'one' }],
      absent: undefined,
      list: [[{ name: 'two' }], [{ name: 'three' }]],
      empty: [],
      last: [{ name: 'four' }],
    })
  })

  test('ends in the problem that its requirement names, and nothing of it happens', async () => {
    const { rename, readName, before } = await renameOf((await newUser()).user.id)
    const batch = runBatch(db, { name: rename('other'), allowed: requireThat(db, sql`false`, 'last_owner') })
    await expect(batch).rejects.toMatchObject({ code: 'last_owner', status: 409 })
    expect(await readName()).toBe(before)
  })

  test.each(['false', 'null', 'exists (select 1 where false)'])(
    'is refused if the condition %s is required',
    async (condition) => {
      const { rename, readName, before } = await renameOf((await newUser()).user.id)
      expect(
        await tryBatch(db, { name: rename('other'), allowed: requireThat(db, sql.raw(condition)) }),
      ).toBeUndefined()
      expect(await readName()).toBe(before)
    },
  )

  test('requires what its own earlier steps left', async () => {
    const { user } = await newUser()
    const { rename } = await renameOf(user.id)
    const isRenamed = sql`exists (select 1 from users where id = ${user.id}::uuid and name = 'new')`
    expect(await tryBatch(db, { early: requireThat(db, isRenamed), name: rename('new') })).toBeUndefined()
    expect(await tryBatch(db, { name: rename('new'), late: requireThat(db, isRenamed) })).toBeDefined()
  })

  test('fails with any other database error unchanged', async () => {
    const batch = tryBatch(db, { broken: db.execute(sql`select 1 / 0`) })
    await expect(batch).rejects.toMatchObject({ code: '22012' })
  })

  test('may require inside a statement that also writes', async () => {
    const { user } = await newUser()
    const use = () =>
      db.execute(sql`
        with used as (update users set name = 'used' where id = ${user.id}::uuid and name is distinct from 'used' returning id)
        select ${requirement(sql`exists (select 1 from used)`, 'invalid_code')}`)
    await runBatch(db, { code: use() })
    await expect(runBatch(db, { code: use() })).rejects.toMatchObject({ code: 'invalid_code' })
  })
})
