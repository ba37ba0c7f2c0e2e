import type { Member } from '../../api/types.ts'
import { Select } from '../../ui/field.tsx'

const ROLES = [
  ['viewer', 'Viewer: reads'],
  ['member', 'Member: reads, and creates keys'],
  ['admin', 'Admin: manages keys, members and webhooks'],
  ['owner', 'Owner: everything, also bills and deletion'],
] as const

interface RoleSelectProps {
  readonly value: Member['role']
  readonly onChange: (role: Member['role']) => void
}

export const RoleSelect = ({ value, onChange }: RoleSelectProps) => (
  <Select value={value} onChange={({ target }) => onChange(target.value as Member['role'])}>
    {ROLES.map(([role, name]) => (
      <option key={role} value={role}>
        {name}
      </option>
    ))}
  </Select>
)
