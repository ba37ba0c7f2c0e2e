import type { Member } from '../../api/types.ts'
import { useMay } from '../../shell/session-context.tsx'
import { Choice, Fieldset } from '../../ui/field.tsx'

export type Role = Member['role']

const ROLES: readonly (readonly [role: Role, name: string, may: string])[] = [
  ['viewer', 'Viewer', 'Sees keys, usage and members.'],
  ['member', 'Member', 'Also creates and changes keys, and sees single events.'],
  ['admin', 'Admin', 'Also manages people, webhooks, alerts and billing, and reads the audit log.'],
  ['owner', 'Owner', 'Also manages owners, and may delete the organization.'],
]

export const roleName = (role: Role): string => ROLES.find(([one]) => one === role)?.[1] ?? role

interface RolesToChooseProps<Value extends Role | null> {
  readonly legend: string
  /** Null for none. */
  readonly among: readonly Value[]
  readonly value: Value
  readonly onChange: (role: Value) => void
  /** What it means to have none. */
  readonly none?: readonly [name: string, hint: string]
}

/** Roles to choose from, with what each allows. */
export function RolesToChoose<Value extends Role | null>({
  legend,
  among,
  value,
  onChange,
  none = ['None', ''],
}: RolesToChooseProps<Value>) {
  return (
    <Fieldset legend={legend}>
      {among.map((role) => {
        const [, name, hint] = ROLES.find(([one]) => one === role) ?? [role, ...none]
        return (
          <Choice
            key={name}
            type="radio"
            name="role"
            label={name}
            hint={hint}
            checked={role === value}
            onChange={() => onChange(role)}
          />
        )
      })}
    </Fieldset>
  )
}

interface RoleChoiceProps {
  readonly value: Role
  readonly onChange: (role: Role) => void
}

/** The roles that the present user may give. */
export function RoleChoice(props: RoleChoiceProps) {
  const mayMakeOwners = useMay('owners:write')
  const among = ROLES.map(([role]) => role).filter((role) => role !== 'owner' || mayMakeOwners)
  return <RolesToChoose legend="Role" among={among} {...props} />
}
