import { expect, test } from 'vitest'
import page from '../../../docs/operate/portal.md?raw'
import { PORTAL_SCOPES } from '../../../src/portal/scopes.ts'
import { commandsOf, follow } from '../../support/commands.ts'
import { administrator } from '../../support/http.ts'

test('the commands of the page on the portal do what it says', async () => {
  const variables = { RUN: crypto.randomUUID(), TOKEN: await administrator() }
  const answers = await follow(commandsOf(page), variables)
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 200, 200, 201])
  expect(Object.keys(answers[3]?.body)).toEqual([
    'access_token',
    'token_type',
    'expires_in',
    'organization_id',
    'organization_name',
    'scopes',
    'return_url',
    'branding',
  ])
})

test('the page names every existing scope, and no other', () => {
  const [, row = ''] = /^\| `scopes` \| (.*) \|$/m.exec(page) ?? []
  expect([...row.matchAll(/`([a-z:]+)`/g)].map(([, scope = '']) => scope)).toEqual([...PORTAL_SCOPES])
})
