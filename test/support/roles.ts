import { directly } from './direct.ts'
import { call, newUser } from './http.ts'
import { addMember, ORGANIZATIONS } from './organizations.ts'

const { sql } = directly()

export type Person = Awaited<ReturnType<typeof newUser>>

/** An organization whose owner creates roles, and the requests of its members. */
export async function newRoleMaker() {
  const owner = await newUser({ organization: 'Acme' })
  const id = owner.user.organization_id as string
  const path = `${ORGANIZATIONS}/${id}`
  const ask = (line: string, body?: object, by: { token: string } = owner) =>
    call(line.replace(' /', ` ${path}/`), { token: by.token, ...(body && { body }) })
  const make = (name: string, permissions: readonly string[], by: { token: string } = owner) =>
    ask('POST /roles', { name, permissions }, by)
  /** Somebody with a role, whose session acts for the organization. */
  const join = async (role: string): Promise<Person> => {
    const person = await newUser()
    await addMember(id, person.user.id, role)
    await sql.query('update sessions set organization_id = $1 where user_id = $2', [id, person.user.id])
    return person
  }
  const give = (role: string, of: Person, by: { token: string } = owner) =>
    ask(`PATCH /members/${of.user.id}`, { role }, by)
  return { owner, id, path, ask, make, join, give }
}

export const codeOf = ({ status, body }: { status: number; body: any }) => [status, body?.code]
