import * as z from 'zod'
import { timestamp, uuid } from '../../http/fields.ts'
import { parseEmailDomain } from '../../lib/email-address.ts'
import { OrganizationParams } from '../schemas.ts'

const joinRole = z.enum(['member', 'viewer']).nullable().meta({
  description: 'The role of people who join with a confirmed address of the domain. Null if nobody can join this way.',
})

const domain = z
  .string()
  .max(253)
  .transform((text, context) => {
    const parsed = parseEmailDomain(text)
    if (parsed) return parsed
    context.issues.push({ code: 'custom', message: 'must be the domain of email addresses', input: text })
    return z.NEVER
  })

export const DomainParams = OrganizationParams.extend({ id: uuid })

export const NewDomain = z
  .strictObject({
    domain: domain.meta({
      type: 'string',
      description: 'The part after the @. Subdomains are separate domains.',
    }),
    join_role: joinRole.optional(),
  })
  .meta({ example: { domain: 'acme.com', join_role: 'member' } })

export const DomainChange = z.strictObject({ join_role: joinRole }).meta({ example: { join_role: null } })

export const Domain = z
  .object({
    id: z.uuid(),
    domain: z.string(),
    join_role: joinRole,
    record: z
      .object({ type: z.literal('TXT'), name: z.string(), value: z.string() })
      .meta({ description: 'The record to publish in the DNS. Leave it there: it is checked again each week.' }),
    verified_at: timestamp.nullable(),
    checked_at: timestamp.nullable().meta({ description: 'When the record was last checked.' }),
    created_at: timestamp,
  })
  .meta({ id: 'OrganizationDomain' })

export const DomainList = z.object({ data: z.array(Domain) })

const Joinable = z
  .object({
    organization_id: z.uuid(),
    name: z.string(),
    role: z.enum(['member', 'viewer']).meta({ description: 'What you would be.' }),
  })
  .meta({ id: 'JoinableOrganization' })

export const JoinableList = z.object({ data: z.array(Joinable) })
