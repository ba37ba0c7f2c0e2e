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

interface RoleChoiceProps {
  readonly value: Role
  readonly onChange: (role: Role) => void
}

/** The roles that the present user may give, with what each allows. */
export function RoleChoice({ value, onChange }: RoleChoiceProps) {
  const mayMakeOwners = useMay('owners:write')
  return (
    <Fieldset legend="Role">
      {ROLES.filter(([role]) => role !== 'owner' || mayMakeOwners).map(([role, name, may]) => (
        <Choice
          key={role}
          type="radio"
          name="role"
          label={name}
          hint={may}
          checked={role === value}
          onChange={() => onChange(role)}
        />
      ))}
    </Fieldset>
  )
}
