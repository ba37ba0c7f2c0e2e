import { keepAnswer } from '../../api/idempotency.ts'
import { audited } from '../../audit/record.ts'
import type { Principal } from '../../auth/principal.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import type { ManagementDeps } from '../../deps.ts'
import { maskEmail } from '../../lib/mask-email.ts'
import { sendMailSoon } from '../../mail/outbox.ts'
import { Problem } from '../../problems.ts'
import { findMail, isWaiting, type MailView, restartMail } from './queries.ts'
import { toMail } from './serialize.ts'

/**
 * Sends a waiting email right after the response, with all attempts again. It keeps its id, so that a provider that already
 * accepted it does not send it twice.
 *
 * @throws Problem `mail_not_found`, `mail_not_kept` if it was sent or given up
 */
export async function resendMail(deps: ManagementDeps, actor: Principal, id: string): Promise<MailView> {
  const mail = await findMail(deps.db, id)
  if (!mail) throw new Problem('mail_not_found')
  const at = new Date(deps.now())
  const restarted = { ...mail, attempts: 0, nextAttemptAt: at, error: null }
  const answer = await keepAnswer(deps, 202, toMail(restarted))
  await runBatch(deps.db, {
    mail: restartMail(deps.db, id, at),
    waits: requireThat(deps.db, isWaiting(id), 'mail_not_kept'),
    audit: audited(deps, {
      action: 'admin.mail_resent',
      actor,
      target: { type: 'mail', id },
      detail: { to: maskEmail(mail.recipient), subject: mail.subject },
    }),
    answer,
  })
  sendMailSoon(deps, id)
  return restarted
}
