/** A walk over RFC 7644 and the discovery of RFC 7643, in the order of their sections, as a directory would take it. */
import { describe, expect, test } from 'vitest'
import { call } from '../../../support/http.ts'
import { GROUP_SCHEMA, newDirectory, PATCH_SCHEMA, SCIM, USER_SCHEMA } from '../../../support/scim.ts'

const ERROR_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:Error'
const LIST_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:ListResponse'
const problem = (status: number, scimType?: string) => ({
  status,
  body: { schemas: [ERROR_SCHEMA], status: String(status), ...(scimType && { scimType }), detail: expect.any(String) },
})

describe('RFC 7644', () => {
  test('2: without the token of a directory nothing is visible', async () => {
    const { ask, owner, renew, token } = await newDirectory()
    for (const other of [owner.token, 'scim_'.padEnd(48, 'x'), 'x']) {
      const answer = await ask('GET /Users', undefined, other)
      expect(answer).toMatchObject(problem(401))
      expect(answer.headers.get('WWW-Authenticate')).toBe('Bearer realm="tollgate"')
    }
    expect((await call(`GET ${SCIM}/Users`)).status).toBe(401)
    await renew()
    expect((await ask('GET /Users', undefined, token)).status).toBe(401)
  })

  test('3.3: POST creates a user', async () => {
    const { ask, newBody, address } = await newDirectory()
    const name = { formatted: 'Ms. Barbara J Jensen III', familyName: 'Jensen', givenName: 'Barbara' }
    const { status, headers, body } = await ask('POST /Users', newBody('bjensen', { externalId: 'b1', name }))
    expect(status).toBe(201)
    expect(headers.get('Content-Type')).toBe('application/scim+json')
    expect(headers.get('Location')).toBe(body.meta.location)
    expect(body).toEqual({
      schemas: [USER_SCHEMA],
      id: expect.any(String),
      externalId: 'b1',
      userName: address('bjensen'),
      name,
      emails: [{ value: address('bjensen'), type: 'work', primary: true }],
      active: true,
      groups: [],
      meta: {
        resourceType: 'User',
        created: expect.any(String),
        lastModified: body.meta.created,
        location: `https://tollgate.test${SCIM}/Users/${body.id}`,
      },
    })
    expect(await ask('POST /Users', newBody('BJensen'))).toMatchObject(problem(409, 'uniqueness'))
  })

  test.each<[string, object | string, string, RegExp]>([
    ['no schemas', { schemas: undefined }, 'invalidSyntax', /schemas/],
    ['another schema', { schemas: [GROUP_SCHEMA] }, 'invalidSyntax', /schemas/],
    ['no userName', { userName: undefined }, 'invalidValue', /userName/],
    ['a userName that is none', { userName: 5 }, 'invalidValue', /userName/],
    ['a list that is none', { emails: 'x' }, 'invalidValue', /emails/],
    ['an address that is none', { emails: [{ value: 'x' }] }, 'invalidValue', /emails/],
    ['NUL', { displayName: 'a\0b' }, 'invalidValue', /displayName/],
    ['an address of somebody else', { emails: [{ value: 'ada@example.com' }] }, 'invalidValue', /ada@example.com/],
  ])('3.3: a user with %s is refused by name', async (_, change, scimType, detail) => {
    const { ask, newBody } = await newDirectory()
    const answer = await ask('POST /Users', newBody('ada', change as object))
    expect(answer).toMatchObject(problem(400, scimType))
    expect(answer.body.detail).toMatch(detail)
  })

  test('3.3: a body that is not JSON or of another type is refused', async () => {
    const { ask, token } = await newDirectory()
    expect(await ask('POST /Users', '{')).toMatchObject(problem(400, 'invalidSyntax'))
    expect(await ask('POST /Users', '[]')).toMatchObject(problem(400, 'invalidSyntax'))
    const headers = { 'Content-Type': 'text/plain' }
    expect(await call(`POST ${SCIM}/Users`, { token, body: 'x', headers })).toMatchObject(problem(415))
    const json = { 'Content-Type': 'application/json; charset=utf-8' }
    expect((await call(`POST ${SCIM}/Users`, { token, body: '{}', headers: json })).body.scimType).toBe('invalidSyntax')
  })

  test('3.4.1: GET reads a known resource, and no other', async () => {
    const { ask, provision } = await newDirectory()
    const user = await provision('ada')
    expect(await ask(`GET /Users/${user.id}`)).toMatchObject({ status: 200, body: user })
    for (const id of [crypto.randomUUID(), 'x', '%2F'])
      expect(await ask(`GET /Users/${id}`)).toMatchObject(problem(404))
    expect(await ask('GET /Printers')).toMatchObject(problem(404))
  })

  test('3.4.2: filters select, pages continue, and attributes can be excluded', async () => {
    const { ask, provision, group, address } = await newDirectory()
    const [ada, bob, cleo] = [
      await provision('ada', { externalId: 'x1' }),
      await provision('bob'),
      await provision('cleo'),
    ]
    await ask(`PUT /Users/${cleo.id}`, { ...cleo, active: false })
    const team = await group('Team', ada.id, bob.id)
    const find = async (path: string, filter: string) => {
      const { status, body } = await ask(`GET /${path}?filter=${encodeURIComponent(filter)}`)
      return status === 200
        ? body.Resources.map((one: any) => one.userName?.split('@')[0] ?? one.displayName)
        : body.scimType
    }
    expect(await find('Users', `userName eq "${address('ADA')}"`)).toEqual(['ada'])
    expect(await find('Users', 'externalId eq "x1"')).toEqual(['ada'])
    expect(await find('Users', 'externalId eq "X1"')).toEqual([])
    expect(await find('Users', 'active eq false')).toEqual(['cleo'])
    expect(await find('Users', 'externalId pr or active ne true')).toEqual(['ada', 'cleo'])
    expect(await find('Users', 'not (externalId pr)')).toEqual(['bob', 'cleo'])
    expect(await find('Users', 'userName sw "b" or (userName sw "c" and active eq true)')).toEqual(['bob'])
    expect(await find('Users', `emails[type eq "work" and value co "cleo@"]`)).toEqual(['cleo'])
    expect(await find('Users', `emails.value eq "${address('bob')}"`)).toEqual(['bob'])
    expect(await find('Users', `emails co "bob"`)).toEqual(['bob'])
    expect(await find('Users', `groups.display eq "team"`)).toEqual(['ada', 'bob'])
    expect(await find('Users', `meta.created ge "${bob.meta.created}" and userName ew "${address('')}"`)).toEqual([
      'bob',
      'cleo',
    ])
    expect(await find('Users', `meta.lastModified gt "2099-01-01T00:00:00Z"`)).toEqual([])
    expect(await find('Users', `userName eq "%' or 1=1 --"`)).toEqual([])
    expect(await find('Groups', 'displayName eq "TEAM"')).toEqual(['Team'])
    expect(await find('Groups', `members.value eq "${ada.id}"`)).toEqual(['Team'])
    expect(await find('Groups', `id eq "${team.id}" and members[value eq "${cleo.id}"]`)).toEqual([])
    for (const bad of [
      '',
      'userName eq',
      'password pr',
      'constructor pr',
      'active eq "x"',
      'meta.created gt "soon"',
      'externalId gt null',
      'name pr',
    ])
      expect(await find('Users', bad), bad).toBe('invalidFilter')

    const page = await ask('GET /Users?startIndex=2&count=1&attributes=userName')
    expect(page.body).toEqual({
      schemas: [LIST_SCHEMA],
      totalResults: 3,
      startIndex: 2,
      itemsPerPage: 1,
      Resources: [{ schemas: [USER_SCHEMA], id: bob.id, userName: address('bob') }],
    })
    expect((await ask('GET /Users?startIndex=-5&count=0')).body).toMatchObject({
      totalResults: 3,
      startIndex: 1,
      Resources: [],
    })
    expect((await ask('GET /Users?startIndex=9')).body).toMatchObject({ totalResults: 3, itemsPerPage: 0 })
    expect(await ask('GET /Users?count=many')).toMatchObject(problem(400, 'invalidValue'))
    const { body } = await ask(`GET /Groups/${team.id}?excludedAttributes=members`)
    expect([body.displayName, body.members]).toEqual(['Team', undefined])
  })

  test('3.4.3: a search can be posted', async () => {
    const { ask, provision } = await newDirectory()
    const user = await provision('ada')
    const schemas = ['urn:ietf:params:scim:api:messages:2.0:SearchRequest']
    const body = { schemas, attributes: ['userName'], filter: 'userName sw "ada"', startIndex: 1, count: 10 }
    const found = await ask('POST /Users/.search', body)
    expect(found.body.Resources).toEqual([{ schemas: [USER_SCHEMA], id: user.id, userName: user.userName }])
    expect(await ask('POST /Users/.search', { filter: 'userName pr' })).toMatchObject(problem(400, 'invalidSyntax'))
  })

  test('3.5.1: PUT replaces writable attributes, and ignores the rest', async () => {
    const { ask, provision, newBody, address } = await newDirectory()
    const user = await provision('ada', { displayName: 'Ada', externalId: 'x' })
    const { status, body } = await ask(
      `PUT /Users/${user.id}`,
      newBody('countess', { id: 'other', groups: [{ value: 'x' }] }),
    )
    expect([status, body.id, body.userName, body.displayName, body.externalId, body.groups]).toEqual([
      200,
      user.id,
      address('countess'),
      undefined,
      undefined,
      [],
    ])
    expect(body.meta.created).toBe(user.meta.created)
    expect(await ask(`PUT /Users/${crypto.randomUUID()}`, newBody('x'))).toMatchObject(problem(404))
    await provision('bob')
    expect(await ask(`PUT /Users/${user.id}`, newBody('bob'))).toMatchObject(problem(409, 'uniqueness'))
  })

  test('3.5.2: PATCH changes, all of it or nothing', async () => {
    const { patch, ask, provision } = await newDirectory()
    const user = await provision('ada', { displayName: 'Ada' })
    const changed = await patch(
      `/Users/${user.id}`,
      { op: 'replace', path: 'displayName', value: 'Countess' },
      { op: 'add', path: 'name', value: { givenName: 'Ada' } },
    )
    expect(changed).toMatchObject({ status: 200, body: { displayName: 'Countess', name: { givenName: 'Ada' } } })
    const refused = await patch(
      `/Users/${user.id}`,
      { op: 'replace', path: 'displayName', value: 'X' },
      { op: 'remove', path: 'userName' },
    )
    expect(refused).toMatchObject(problem(400, 'mutability'))
    expect(await patch(`/Users/${user.id}`, { op: 'add', path: 'displayName', value: 5 })).toMatchObject(
      problem(400, 'invalidValue'),
    )
    expect(await ask(`PATCH /Users/${user.id}`, { Operations: [] })).toMatchObject(problem(400, 'invalidSyntax'))
    expect(await ask(`PATCH /Users/${user.id}`, { schemas: [PATCH_SCHEMA] })).toMatchObject(
      problem(400, 'invalidSyntax'),
    )
    expect((await ask(`GET /Users/${user.id}`)).body.displayName).toBe('Countess')
  })

  test('3.6: DELETE removes once', async () => {
    const { ask, provision, group } = await newDirectory()
    const user = await provision('ada')
    const team = await group('Team', user.id)
    expect(await ask(`DELETE /Users/${user.id}`)).toMatchObject({ status: 204, body: '' })
    expect(await ask(`DELETE /Users/${user.id}`)).toMatchObject(problem(404))
    expect((await ask(`GET /Groups/${team.id}`)).body.members).toEqual([])
    expect((await ask(`DELETE /Groups/${team.id}`)).status).toBe(204)
    expect(await ask(`GET /Groups/${team.id}`)).toMatchObject(problem(404))
  })

  test('3.7, 3.11: unsupported features say so', async () => {
    const { ask } = await newDirectory()
    expect(await ask('POST /Bulk', {})).toMatchObject(problem(501))
    expect(await ask('GET /Me')).toMatchObject(problem(501))
    expect(await ask('PATCH /Users')).toMatchObject(problem(404))
  })

  test('4: it describes itself', async () => {
    const { ask, provision, group } = await newDirectory()
    const config = (await ask('GET /ServiceProviderConfig')).body
    expect(config).toMatchObject({
      patch: { supported: true },
      bulk: { supported: false },
      filter: { supported: true, maxResults: 200 },
    })
    expect(config.documentationUri).toBe('https://tollgate.test/docs/guides/organizations.md#directory')
    const types = (await ask('GET /ResourceTypes')).body
    expect(types.Resources.map((one: any) => [one.id, one.endpoint, one.schema])).toEqual([
      ['User', '/Users', USER_SCHEMA],
      ['Group', '/Groups', GROUP_SCHEMA],
    ])
    expect((await ask('GET /ResourceTypes/User')).body).toEqual(types.Resources[0])
    expect(await ask('GET /ResourceTypes?filter=id%20pr')).toMatchObject(problem(403))
    const schemas = (await ask('GET /Schemas')).body.Resources
    expect((await ask(`GET /Schemas/${USER_SCHEMA}`)).body).toEqual(schemas[0])
    expect(await ask('GET /Schemas/x')).toMatchObject(problem(404))
    const known = (at: number) => [
      'schemas',
      'id',
      'externalId',
      'meta',
      ...schemas[at].attributes.map((one: any) => one.name),
    ]
    const user = await provision('ada', { displayName: 'Ada', name: { givenName: 'Ada' } })
    expect(known(0)).toEqual(expect.arrayContaining(Object.keys(user)))
    expect(known(1)).toEqual(expect.arrayContaining(Object.keys(await group('Team', user.id))))
  })
})
