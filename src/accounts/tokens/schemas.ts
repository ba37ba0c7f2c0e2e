import * as z from 'zod'
import { roleName } from '../../http/fields.ts'

const refused = z.object({
  valid: z.literal(false),
  code: z.enum(['UNAUTHENTICATED', 'FORBIDDEN']).meta({
    description:
      '`UNAUTHENTICATED`: expired, revoked, or of nobody who is trusted. `FORBIDDEN`: the user does not belong there, or may not.',
  }),
  request_id: z.uuid(),
})

const accepted = z.object({
  valid: z.literal(true),
  code: z.literal('VALID'),
  request_id: z.uuid(),
  user_id: z.string().meta({ description: "A UUID; of a trusted issuer's token the user as the issuer calls them." }),
  session_id: z.uuid().nullable().meta({ description: "Null for a trusted issuer's token: there is no session here." }),
  issuer: z.string().nullable().meta({ description: 'The trusted issuer; null for a token of this deployment.' }),
  organization_id: z.uuid().nullable(),
  role: roleName.nullable(),
  organization_suspended: z.boolean(),
  impersonator_id: z.uuid().nullable().meta({ description: 'The administrator who acts as the user for support.' }),
  is_administrator: z.boolean(),
})

export const TokenVerdictBody = z.union([accepted, refused]).meta({ id: 'TokenVerdict' })
