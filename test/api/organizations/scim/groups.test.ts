import { describe, expect, test } from 'vitest'
import { directly } from '../../../support/direct.ts'
import { GROUP_SCHEMA, newDirectory } from '../../../support/scim.ts'

const refusal = (status: number, scimType: string) => ({ status, body: { status: String(status), scimType } })

describe('groups', () => {
  test('are created, replaced and changed like users', async () => {
    const { ask, provision, group, patch } = await newDirectory()
    const [ada, bob] = [await provision('ada'), await provision('bob')]
    const team = await group('Team', ada.id, ada.id)
    expect(team).toMatchObject({
      schemas: [GROUP_SCHEMA],
      displayName: 'Team',
      members: [{ value: ada.id, type: 'User', display: ada.userName, $ref: ada.meta.location }],
    })
    expect((await ask(`GET /Users/${ada.id}`)).body.groups).toEqual([
      { value: team.id, display: 'Team', $ref: team.meta.location },
    ])
    expect((await ask('POST /Groups', { schemas: [GROUP_SCHEMA], displayName: 'TEAM' })).body).toMatchObject(
      refusal(409, 'uniqueness').body,
    )
    const added = await patch(`/Groups/${team.id}`, { op: 'add', path: 'members', value: [{ value: bob.id }] })
    expect(added.body.members).toHaveLength(2)
    const removed = await patch(`/Groups/${team.id}`, { op: 'remove', path: `members[value eq "${ada.id}"]` })
    expect(removed.body.members.map((one: any) => one.value)).toEqual([bob.id])
    const renamed = await ask(`PUT /Groups/${team.id}`, { schemas: [GROUP_SCHEMA], displayName: 'Crew' })
    expect(renamed.body).toMatchObject({ displayName: 'Crew', members: [] })
  })

  test('give no role any more once deleted, even if the first deletion failed halfway', async () => {
    const { ask, provision, group, setRole, roles } = await newDirectory()
    const ada = await provision('ada')
    const team = await group('Team', ada.id)
    await setRole(team.id, 'admin')
    expect((await roles()).ada).toBe('admin')
    await directly().sql.query('delete from directory_groups where id = $1', [team.id])
    expect((await ask(`DELETE /Groups/${team.id}`)).status).toBe(404)
    expect((await roles()).ada).toBe('member')
  })

  test.each([crypto.randomUUID(), 'x'])('contain only users of the directory, not %s', async (value) => {
    const { ask, group } = await newDirectory()
    const body = { schemas: [GROUP_SCHEMA], displayName: 'Team', members: [{ value }] }
    expect(await ask('POST /Groups', body)).toMatchObject(refusal(400, 'invalidValue'))
    const team = await group('Other')
    expect(await ask(`PUT /Groups/${team.id}`, body)).toMatchObject(refusal(400, 'invalidValue'))
  })

  test('accept concurrent additions, each of them', async () => {
    const { ask, provision, group, patch } = await newDirectory()
    const users = await Promise.all(['a', 'b', 'c', 'd'].map((name) => provision(name)))
    const team = await group('Team')
    const answers = await Promise.all(
      users.map(({ id }) => patch(`/Groups/${team.id}`, { op: 'add', path: 'members', value: [{ value: id }] })),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect((await ask(`GET /Groups/${team.id}`)).body.members).toHaveLength(4)
  })
})
