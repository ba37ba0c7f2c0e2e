import * as z from 'zod'
import { line, listSchema, organizationRef, pageQuery, timestamp, uuid } from '../http/fields.ts'
import { AUDIT_ACTIONS, type AuditAction } from './actions.ts'

const filters = {
  action: z
    .enum(Object.keys(AUDIT_ACTIONS) as [AuditAction, ...AuditAction[]])
    .optional()
    .meta({
      description: Object.entries(AUDIT_ACTIONS)
        .map(([action, what]) => `\`${action}\`: ${what}`)
        .join(' '),
    }),
  actor_id: uuid.optional(),
  target_id: line(255).optional().meta({ description: 'The id of the target, such as a key.' }),
  result: z.enum(['success', 'failure']).optional(),
  from: timestamp.optional(),
  to: timestamp.optional().meta({ description: 'The exclusive end.' }),
}

export const AuditQuery = pageQuery.extend({ ...filters, ...organizationRef })

export const AuditLog = z
  .object({
    id: z.uuid(),
    organization_id: z.uuid().nullable(),
    action: z.string(),
    actor: z.object({
      type: z.enum(['user', 'key', 'administrator', 'service', 'external', 'portal', 'system']),
      id: z.uuid().nullable().meta({ description: 'Null if the actor is not known.' }),
    }),
    target: z.object({ type: z.string(), id: z.string() }).nullable(),
    result: z.enum(['success', 'failure']),
    ip: z.string().nullable().meta({ description: 'Hidden from customers if an administrator acted.' }),
    user_agent: z.string().nullable(),
    request_id: z.string().nullable(),
    detail: z.record(z.string(), z.unknown()),
    created_at: timestamp,
  })
  .meta({ id: 'AuditLog' })

export const AuditLogList = listSchema(AuditLog)
