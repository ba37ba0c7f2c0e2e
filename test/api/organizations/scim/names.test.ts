/** What nobody reads is refused, and changes nothing. */
import { expect, test } from 'vitest'
import { newDirectory } from '../../../support/scim.ts'

test('a misspelt attribute of a user or group is refused by name; other letters and attributes of the RFC are not', async () => {
  const { ask, newBody, provision } = await newDirectory()
  const misspelt = await ask('POST /Users', newBody('ada', { actve: false }))
  expect([misspelt.status, misspelt.body.scimType, misspelt.body.detail]).toEqual([
    400,
    'invalidSyntax',
    'There is no "actve"; did you mean active?',
  ])
  const made = await ask('POST /Users', newBody('bob', { DisplayName: 'Bob', title: 'Boss', nickName: 'B' }))
  expect([made.status, made.body.displayName]).toEqual([201, 'Bob'])
  const user = await provision('eve')
  const group = { schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'], displayName: 'Team' }
  expect((await ask('POST /Groups', { ...group, memberz: [] })).body.scimType).toBe('invalidSyntax')
  const members = [{ Value: user.id, valeu: 'x' }]
  expect((await ask('POST /Groups', { ...group, members })).body.scimType).toBe('invalidSyntax')
  expect((await ask('POST /Groups', { ...group, Members: [{ Value: user.id }] })).body.members).toHaveLength(1)
})

test('an unknown parameter is refused before anything is done; known ones are read in any letters', async () => {
  const { ask, newBody, address, provision } = await newDirectory()
  const user = await provision('ada')
  expect((await ask('GET /Users?filtr=userName%20pr')).body).toMatchObject({ status: '400', scimType: 'invalidSyntax' })
  expect((await ask(`DELETE /Users/${user.id}?atributes=id`)).status).toBe(400)
  expect((await ask(`GET /Users/${user.id}`)).status).toBe(200)
  expect((await ask('POST /Users?excluded=groups', newBody('bob'))).status).toBe(400)
  const filter = encodeURIComponent(`userName eq "${address('bob')}"`)
  expect((await ask(`GET /Users?Filter=${filter}`)).body.totalResults).toBe(0)
  expect((await ask('GET /Users?sortBy=userName&aadOptscim062020')).status).toBe(200)
  const search = { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'], Filter: `userName pr` }
  expect((await ask('POST /Users/.search', search)).body.totalResults).toBe(1)
  expect((await ask('POST /Users/.search', { ...search, cuont: 1 })).body.scimType).toBe('invalidSyntax')
})
