import { useRead } from '../../api/hooks.ts'
import type { Role } from '../../api/types.ts'
import { Select } from '../../ui/field.tsx'

const BUILT_IN: Readonly<Record<string, string>> = {
  viewer: 'Viewer: reads',
  member: 'Member: reads, and creates keys',
  admin: 'Admin: manages keys, members and webhooks',
  owner: 'Owner: everything, including billing and deletion',
}

const describe = ({ name, description }: Role) => BUILT_IN[name] ?? (description ? `${name}: ${description}` : name)

interface RoleSelectProps {
  /** The customer whose roles there are to choose from. */
  readonly organizationId: string
  readonly value: string
  readonly onChange: (role: string) => void
}

export function RoleSelect({ organizationId, value, onChange }: RoleSelectProps) {
  const { data } = useRead('GET /organizations/{organization_id}/roles', {
    params: { organization_id: organizationId },
  })
  return (
    <Select value={value} onChange={({ target }) => onChange(target.value)}>
      {data ? (
        data.data.map((role) => (
          <option key={role.name} value={role.name}>
            {describe(role)}
          </option>
        ))
      ) : (
        <option value={value}>{BUILT_IN[value] ?? value}</option>
      )}
    </Select>
  )
}
