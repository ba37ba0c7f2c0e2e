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
  summary: 'List mails',
  description:
    'The outbox of the last 36 days, newest first. What a mail says is never shown: it may hold a link that is good for a while.',
  query: MailQuery,
  returns: { 200: AdminMailList },
})

const resendRoute = apiRoute({
  ...common,
  method: 'post',
  path: '/admin/mails/{id}/resend',
  operationId: 'resendMail',
  service: 'platform:users:write',
  summary: 'Send a mail that waits at once',
  description:
    'Right after the answer, and with all attempts again. The text of a mail that was sent or given up is deleted, so that only one that is `pending` can be sent.',
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
