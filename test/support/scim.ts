import { directly } from './direct.ts'
import { call, newUser } from './http.ts'
import { ORGANIZATIONS } from './organizations.ts'

const { sql } = directly()
export const SCIM = '/scim/v2'
export const USER_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:User'
export const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group'
export const PATCH_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'

/** An organization with a verified domain and a directory, and what the directory can do. */
export async function newDirectory(defaultRole = 'member') {
  const owner = await newUser()
  const id: string = owner.user.organization_id
  const domain = `d${crypto.randomUUID()}.example.org`
  await sql.query(
    `insert into organization_domains (id, organization_id, domain, token, verified_at, checked_at)
     values (gen_random_uuid(), $1, $2, 'x', now(), now() + interval '1 year')`,
    [id, domain],
  )
  const path = `${ORGANIZATIONS}/${id}`
  await call(`PUT ${path}/directory`, { ...owner, body: { default_role: defaultRole } })
  const renew = async (): Promise<string> =>
    (await call(`POST ${path}/directory/token`, { token: owner.token })).body.token
  const token = await renew()
  const ask = (line: string, body?: unknown, by = token) =>
    call(line.replace(' /', ` ${SCIM}/`), {
      token: by,
      ...(body !== undefined && { body, headers: { 'Content-Type': 'application/scim+json' } }),
    })
  const address = (name: string) => `${name}@${domain}`
  const newBody = (name: string, more: object = {}) => ({
    schemas: [USER_SCHEMA],
    userName: address(name),
    emails: [{ value: address(name), type: 'work', primary: true }],
    active: true,
    ...more,
  })
  const provision = async (name: string, more: object = {}) => (await ask('POST /Users', newBody(name, more))).body
  const patch = (line: string, ...Operations: object[]) => ask(`PATCH ${line}`, { schemas: [PATCH_SCHEMA], Operations })
  const group = async (displayName: string, ...members: string[]) =>
    (
      await ask('POST /Groups', {
        schemas: [GROUP_SCHEMA],
        displayName,
        members: members.map((value) => ({ value })),
      })
    ).body
  const roles = async (): Promise<Record<string, string>> => {
    const { body } = await call(`GET ${path}/members`, { token: owner.token })
    return Object.fromEntries(
      body.data.map(({ email, role }: Record<string, string>) => [email?.replace(`@${domain}`, ''), role]),
    )
  }
  const setRole = (groupId: string, role: string | null) =>
    call(`PATCH ${path}/directory/groups/${groupId}`, { token: owner.token, body: { role } })
  return { owner, id, path, domain, token, renew, ask, address, newBody, provision, patch, group, roles, setRole }
}
