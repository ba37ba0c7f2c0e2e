import * as z from 'zod'
import { timestamp } from '../../../http/fields.ts'

const joinRole = z.enum(['member', 'viewer']).nullable()

/** The facts with which the operator can explain why a customer's user cannot sign in. Contains no secrets. */
export const CustomerSignIn = z
  .object({
    requires_two_factor: z.boolean().meta({ description: 'Whether members need a second factor to act for it.' }),
    domains: z.array(
      z.object({
        domain: z.string(),
        verified_at: timestamp
          .nullable()
          .meta({ description: 'Null until the record is found, and after it disappears.' }),
        checked_at: timestamp.nullable().meta({ description: 'When the record was last checked.' }),
        join_role: joinRole.meta({
          description: 'The role with which people of the domain can join; null if nobody can.',
        }),
      }),
    ),
    single_sign_on: z
      .object({
        issuer: z.string(),
        join_role: joinRole.meta({
          description: 'The role of people who sign in for the first time; null if only members can sign in.',
        }),
        is_required: z.boolean(),
        last_used_at: timestamp.nullable().meta({ description: 'Null before the first sign-in.' }),
      })
      .nullable(),
    directory: z
      .object({
        default_role: z.enum(['member', 'viewer']),
        has_token: z.boolean(),
        people: z.int().meta({ description: 'The number of active people that it has sent.' }),
        groups: z.int(),
        last_used_at: timestamp.nullable(),
      })
      .nullable(),
    applications: z.int().meta({ description: 'How many applications act for its members.' }),
  })
  .meta({ id: 'CustomerSignIn' })
