import * as z from 'zod'
import { roleName } from '../../http/fields.ts'

const refused = z.object({
  valid: z.literal(false),
  code: z.enum(['UNAUTHENTICATED', 'FORBIDDEN']).meta({
    description:
      '`UNAUTHENTICATED`: expired, revoked, or from an issuer that is not trusted. `FORBIDDEN`: the user is not a member of the organization, or lacks the permission.',
  }),
  request_id: z.uuid(),
})

const accepted = z.object({
  valid: z.literal(true),
  code: z.literal('VALID'),
  request_id: z.uuid(),
  user_id: z
    .string()
    .meta({ description: "A UUID. For a token of a trusted issuer, the issuer's own id of the user." }),
  session_id: z
    .uuid()
    .nullable()
    .meta({ description: 'Null for a token of a trusted issuer, which has no session here.' }),
  issuer: z.string().nullable().meta({ description: 'The trusted issuer; null for a token of this deployment.' }),
  organization_id: z.uuid().nullable(),
  role: roleName.nullable(),
  organization_suspended: z.boolean(),
  impersonator_id: z.uuid().nullable().meta({ description: 'The administrator who acts as the user for support.' }),
  is_administrator: z.boolean(),
})

export const TokenVerdictBody = z.union([accepted, refused]).meta({ id: 'TokenVerdict' })
