import { apiRoute, newRouter } from '../../api/api-route.ts'
import { pageEnd } from '../../http/paging.ts'
import { page } from '../../lib/cursor.ts'
import { listMails } from './queries.ts'
import { resendMail } from './resend.ts'
import { AdminMail, AdminMailList, MailParams, MailQuery } from './schemas.ts'
import { toMail } from './serialize.ts'

const common = { allow: 'administrator', tag: 'Administration' } as const

const listRoute = apiRoute({
  ...common,
  method: 'get',
  path: '/admin/mails',
  operationId: 'listMails',
  service: 'platform:users:read',
  summary: 'List emails',
  description:
    'The outbox of the last 30 days, newest first. The text is never shown, because it may contain a link that still works.',
  query: MailQuery,
  returns: { 200: AdminMailList },
})

const resendRoute = apiRoute({
  ...common,
  method: 'post',
  path: '/admin/mails/{id}/resend',
  operationId: 'resendMail',
  service: 'platform:users:write',
  summary: 'Resend a pending email',
  description:
    'Sends it right after the response, or after the pause that the email provider requested, and resets its attempts. Only `pending` emails can be resent: the text of a sent or failed email is deleted.',
  params: MailParams,
  creates: true,
  returns: { 202: AdminMail },
  fails: ['mail_not_found', 'mail_not_kept'],
})

export const adminMailRoutes = newRouter()
  .openapi(listRoute, async (c) => {
    const { limit, cursor, ...filter } = c.req.valid('query')
    const rows = await listMails(c.var.deps.db, filter, { limit, after: pageEnd(cursor) })
    const { data, next_cursor } = page(rows, limit)
    return c.json({ data: data.map(toMail), next_cursor }, 200)
  })
  .openapi(resendRoute, async (c) => {
    const { deps, principal } = c.var
    return c.json(toMail(await resendMail(deps, principal, c.req.valid('param').id)), 202)
  })
