import * as z from 'zod'
import { BUILT_IN_ROLES, CUSTOM_PERMISSIONS, isBuiltIn, PERMISSIONS } from '../../auth/roles.ts'
import { line, roleName, timestamp } from '../../http/fields.ts'
import { OrganizationParams } from '../schemas.ts'

const newName = roleName
  .min(2)
  .refine((name) => !isBuiltIn(name), `is the name of a built-in role (${BUILT_IN_ROLES.join(', ')})`)
  .meta({ description: 'Lower-case letters and digits, separated by single hyphens. It cannot be changed later.' })
const description = line(200).nullable()
const permissions = z
  .array(z.enum(CUSTOM_PERMISSIONS))
  .min(1)
  .max(100)
  .transform((given) => CUSTOM_PERMISSIONS.filter((one, at) => at === 0 || given.includes(one)))
  .meta({
    type: 'array',
    description: 'What members with the role may do. All roles allow `organization:read`, even if it is not listed.',
  })

export const RoleParams = OrganizationParams.extend({ name: line(100).meta({ example: 'billing' }) })

export const NewRole = z.strictObject({ name: newName, description: description.default(null), permissions }).meta({
  example: {
    name: 'billing',
    description: 'Pays the invoices',
    permissions: ['usage:read', 'billing:read', 'billing:write'],
  },
})

export const RoleUpdate = z
  .strictObject({ description: description.optional(), permissions: permissions.optional() })
  .refine((body) => Object.values(body).some((value) => value !== undefined), 'must have a field to change')
  .meta({ example: { permissions: ['usage:read', 'usage:events', 'billing:read'] } })

export const Role = z
  .object({
    name: z.string(),
    description: z.string().nullable(),
    permissions: z.array(z.enum(PERMISSIONS)),
    is_built_in: z.boolean().meta({ description: 'Built-in roles cannot be changed.' }),
    member_count: z.int(),
    created_at: timestamp.nullable().meta({ description: 'Null for a built-in role.' }),
    updated_at: timestamp.nullable(),
  })
  .meta({ id: 'Role' })

export const RoleList = z.object({ data: z.array(Role) }).meta({ id: 'RoleList' })
