import * as z from 'zod'
import { email, listSchema, pageQuery, timestamp, uuid } from '../../http/fields.ts'

const state = z.enum(['pending', 'sent', 'failed'])

export const MailParams = z.strictObject({ id: uuid })

export const MailQuery = pageQuery.extend({
  to: email.optional().meta({ type: 'string', format: 'email', description: 'The whole address.' }),
  state: state.optional(),
})

export const AdminMail = z
  .object({
    id: z.uuid(),
    to: z.string(),
    subject: z.string(),
    state: state.meta({ description: '`failed`: given up after the last attempt.' }),
    attempts: z.int(),
    next_attempt_at: timestamp.nullable(),
    error: z.string().nullable().meta({ description: 'Why the last attempt failed.' }),
    created_at: timestamp,
    sent_at: timestamp.nullable().meta({ description: 'When the email provider accepted it.' }),
  })
  .meta({ id: 'AdminMail' })

export const AdminMailList = listSchema(AdminMail)
