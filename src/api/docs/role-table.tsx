import { BUILT_IN_ROLES, isForKeys, type Permission, ROLES, roleMay, scopeFor } from '../../auth/roles.ts'

/** Every permission that any role has. */
export const PERMISSIONS: readonly Permission[] = [...new Set(Object.values(ROLES).flat())]

/** The permissions of each role, and the scope that gives each to a key. */
export function Roles() {
  return (
    <section id="roles" aria-labelledby="roles.title">
      <h2 id="roles.title">Roles</h2>
      <p>
        A member of an organization has one role in it: one of these, or one that the organization made for itself of
        these permissions. An API key acts within its own organization, and needs a scope where one is named, by its
        full name. Some permissions are for people only.
      </p>
      <div class="wide" tabindex={0} role="region" aria-labelledby="roles.title">
        <table class="grid">
          <thead>
            <tr>
              <th scope="col">Permission</th>
              {BUILT_IN_ROLES.map((role) => (
                <th scope="col">{role}</th>
              ))}
              <th scope="col">Scope of a key</th>
            </tr>
          </thead>
          <tbody>
            {PERMISSIONS.map((permission) => (
              <RoleRow permission={permission} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function RoleRow({ permission }: { readonly permission: Permission }) {
  const scope = scopeFor(permission)
  return (
    <tr>
      <th scope="row">
        <code>{permission}</code>
      </th>
      {BUILT_IN_ROLES.map((role) => (roleMay(role, permission) ? <td class="yes">yes</td> : <td class="no">no</td>))}
      <td>{scope ? <code>{scope}</code> : isForKeys(permission) ? 'none needed' : 'people only'}</td>
    </tr>
  )
}
