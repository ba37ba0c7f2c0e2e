import * as z from 'zod'
import { optionalPassword } from '../../accounts/two-factor/schemas.ts'
import { listSchema, roleName, timestamp, uuid } from '../../http/fields.ts'
import { OrganizationParams } from '../schemas.ts'

const defaultRole = z
  .enum(['member', 'viewer'])
  .meta({ description: 'The role of people who are in no group with a role.' })
const groupRole = roleName
  .refine((name) => name !== 'owner', 'cannot be owner: owners are made by owners')
  .nullable()
  .meta({
    description:
      'The role of its people; null for none. If somebody is in several groups, the role that allows the most counts.',
  })

export const DirectorySettings = z
  .strictObject({ default_role: defaultRole, password: optionalPassword })
  .meta({ example: { default_role: 'member' } })

export const StepUp = z.strictObject({ password: optionalPassword })

export const Directory = z
  .object({
    base_url: z.url().meta({ description: 'The URL to which the directory sends people and groups by SCIM 2.0.' }),
    default_role: defaultRole,
    has_token: z.boolean(),
    user_count: z.int(),
    group_count: z.int(),
    last_used_at: timestamp.nullable().meta({ description: 'Accurate to five minutes.' }),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'Directory' })

export const DirectoryToken = z
  .object({ token: z.string().meta({ description: 'Only this response contains it.' }) })
  .meta({ id: 'DirectoryToken' })

export const GroupParams = OrganizationParams.extend({ id: uuid })
export const GroupChange = z
  .strictObject({ role: groupRole, password: optionalPassword })
  .meta({ example: { role: 'admin' } })
export const DirectoryGroup = z
  .object({
    id: z.uuid(),
    name: z.string(),
    role: groupRole,
    member_count: z.int(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'DirectoryGroup' })
export const DirectoryGroupList = listSchema(DirectoryGroup)
