import * as z from 'zod'
import { timestamp } from '../../../http/fields.ts'

const joinRole = z.enum(['member', 'viewer']).nullable()

/** The facts with which the operator can explain why a customer's user cannot sign in. Contains no secrets. */
export const CustomerSignIn = z
  .object({
    requires_two_factor: z.boolean().meta({ description: 'Whether members act for it only with a second factor.' }),
    domains: z.array(
      z.object({
        domain: z.string(),
        verified_at: timestamp
          .nullable()
          .meta({ description: 'Null before the record is found, and once it is gone.' }),
        checked_at: timestamp.nullable().meta({ description: 'When the record was last looked up.' }),
        join_role: joinRole.meta({ description: 'What whoever has an address of it joins as; null if nobody does.' }),
      }),
    ),
    single_sign_on: z
      .object({
        issuer: z.string(),
        join_role: joinRole.meta({
          description: 'What whoever signs in the first time becomes; null if only members may.',
        }),
        is_required: z.boolean(),
        last_used_at: timestamp.nullable().meta({ description: 'Null while no sign-in has come about.' }),
      })
      .nullable(),
    directory: z
      .object({
        default_role: z.enum(['member', 'viewer']),
        has_token: z.boolean(),
        people: z.int().meta({ description: 'Members whom it has sent, without those that it has taken out.' }),
        groups: z.int(),
        last_used_at: timestamp.nullable(),
      })
      .nullable(),
    applications: z.int().meta({ description: 'How many applications act for its members.' }),
  })
  .meta({ id: 'CustomerSignIn' })
