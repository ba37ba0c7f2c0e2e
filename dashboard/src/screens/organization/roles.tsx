import { useRead } from '../../api/hooks.ts'
import type { Role } from '../../api/types.ts'
import { PERMISSION_TEXTS } from '../../api/words.ts'
import { useSession } from '../../shell/session-context.tsx'
import { Choice, Fieldset } from '../../ui/field.tsx'

const BUILT_IN: Readonly<Record<string, readonly [name: string, hint: string]>> = {
  viewer: ['Viewer', 'Sees keys, usage and members.'],
  member: ['Member', 'Also creates and changes keys, and sees single events.'],
  admin: ['Admin', 'Also manages people, webhooks, alerts and billing, and reads the audit log.'],
  owner: ['Owner', 'Also manages owners, and can delete the organization.'],
}

/** How people read a role: `Admin`, or the name that the organization gave to its own. */
export const roleName = (role: string): string => BUILT_IN[role]?.[0] ?? role

/** The same within a sentence. */
export const roleInWords = (role: string): string => BUILT_IN[role]?.[0].toLowerCase() ?? role

/** What a role allows, in a few words. */
export function roleHint({ name, description, permissions }: Role): string {
  const [, hint] = BUILT_IN[name] ?? []
  return hint ?? description ?? permissions.map((one) => PERMISSION_TEXTS[one]).join(' ')
}

/** The roles of the organization, and which of them the present user may give and take. */
export function useRoles() {
  const { organizationId, permissions } = useSession()
  const { data, error, refetch } = useRead('GET /organizations/{organization_id}/roles', {
    params: { organization_id: organizationId },
  })
  const givable = data?.data.filter((role) => role.permissions.every((one) => permissions.includes(one)))
  return { roles: data?.data, givable: givable ?? [], error, refetch }
}

/** A role to choose; null for none. */
export interface RoleOption<Value extends string | null> {
  readonly role: Value
  readonly name: string
  readonly hint: string
}

export const toOption = (role: Role): RoleOption<string> => ({
  role: role.name,
  name: roleName(role.name),
  hint: roleHint(role),
})

/** Built-in roles that are known beforehand. */
export const builtInOptions = <Value extends string>(...among: readonly Value[]): RoleOption<Value>[] =>
  among.map((role) => ({ role, name: roleName(role), hint: BUILT_IN[role]?.[1] ?? '' }))

interface RolesToChooseProps<Value extends string | null> {
  readonly legend: string
  readonly among: readonly RoleOption<Value>[]
  readonly value: Value
  readonly onChange: (role: Value) => void
}

/** Roles to choose from, with what each allows. */
export function RolesToChoose<Value extends string | null>({
  legend,
  among,
  value,
  onChange,
}: RolesToChooseProps<Value>) {
  return (
    <Fieldset legend={legend}>
      {among.map(({ role, name, hint }) => (
        <Choice
          key={name}
          type="radio"
          name="role"
          label={name}
          hint={hint}
          checked={role === value}
          onChange={() => onChange(role)}
        />
      ))}
    </Fieldset>
  )
}

interface RoleChoiceProps {
  readonly value: string
  readonly onChange: (role: string) => void
}

/** The roles that the present user may give. */
export function RoleChoice(props: RoleChoiceProps) {
  const { givable } = useRoles()
  return <RolesToChoose legend="Role" among={givable.map(toOption)} {...props} />
}
