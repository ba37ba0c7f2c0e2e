import { describe, expect, test } from 'vitest'
import { GROUP_SCHEMA, newDirectory } from '../../../support/scim.ts'

describe('text that cannot be stored is a wrong value, never a failure:', async () => {
  const { ask, newBody, patch, provision, group } = await newDirectory()
  const person = await provision('grace')
  const team = await group('Team')
  const BAD = ['x\0', 'x\ud800']

  test.each(BAD)('in each attribute of a user: %j', async (bad) => {
    const values = [
      { userName: bad },
      { externalId: bad },
      { displayName: bad },
      { name: { formatted: bad } },
      { name: { familyName: bad } },
      { name: { givenName: bad } },
      { emails: [{ value: bad }] },
      { emails: [{ value: newBody('ada').userName, type: bad }] },
    ]
    for (const more of values)
      expect(await ask('POST /Users', newBody('ada', more)), JSON.stringify(more)).toMatchObject({
        status: 400,
        body: { scimType: 'invalidValue' },
      })
    const replaced = await patch(`/Users/${person.id}`, { op: 'replace', path: 'displayName', value: bad })
    expect(replaced).toMatchObject({ status: 400, body: { scimType: 'invalidValue' } })
  })

  test.each(BAD)('in each attribute of a group: %j', async (bad) => {
    for (const more of [{ displayName: bad }, { externalId: bad }]) {
      const body = { schemas: [GROUP_SCHEMA], displayName: 'A', ...more }
      expect(await ask('POST /Groups', body)).toMatchObject({ status: 400, body: { scimType: 'invalidValue' } })
    }
    const renamed = await patch(`/Groups/${team.id}`, { op: 'replace', path: 'displayName', value: bad })
    expect(renamed).toMatchObject({ status: 400, body: { scimType: 'invalidValue' } })
  })

  test.each([String.raw`\u0000`, String.raw`\ud800`])('in a filter: %s', async (bad) => {
    for (const [folder, name] of [
      ['Users', 'userName'],
      ['Users', 'externalId'],
      ['Groups', 'displayName'],
    ]) {
      const answer = await ask(`GET /${folder}?filter=${encodeURIComponent(`${name} eq "x${bad}"`)}`)
      expect(answer, name).toMatchObject({ status: 400, body: { scimType: 'invalidFilter' } })
    }
  })
})
