import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BUILT_IN_ROLES, isForKeys, type Permission, ROLES, roleMay, scopeFor } from '../../../src/auth/roles.ts'
import { ROOT } from './support.ts'

const mayOf = (permission: Permission) => BUILT_IN_ROLES.map((role) => (roleMay(role, permission) ? 'yes' : '–'))

function keysOf(permission: Permission): string {
  const scope = scopeFor(permission)
  return scope ? `\`${scope}\`` : isForKeys(permission) ? 'always' : 'never'
}

test('the table of roles in the documentation matches the code', async () => {
  const rows = ROLES.owner.map((permission) => [`\`${permission}\``].concat(mayOf(permission), keysOf(permission)))
  const table = [['permission', ...BUILT_IN_ROLES, 'an API key'], ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  table.splice(1, 0, `|${'---|'.repeat(BUILT_IN_ROLES.length + 2)}`)
  const documented = await readFile(join(ROOT, 'docs/guides/organizations.md'), 'utf8')
  expect(documented).toContain(`<!-- roles -->\n${table.join('\n')}\n<!-- /roles -->`)
})
