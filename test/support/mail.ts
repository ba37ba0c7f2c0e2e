import { env } from 'cloudflare:workers'
import { call, eventually } from './http.ts'

/** An email as the outbox of the local stack shows it. */
export interface SentMail {
  readonly to: string
  readonly from: string
  readonly subject: string
  readonly text: string
  readonly html: string
  readonly links: readonly string[]
  readonly headers: Readonly<Record<string, string>>
}

/** What was sent to an address so far, newest first. */
export async function mailsTo(email: string): Promise<SentMail[]> {
  const response = await fetch(`${env.STACK_URL}/outbox?format=json&to=${encodeURIComponent(email)}`)
  return response.json()
}

/** Waits for the newest email to an address whose subject matches, and for `count` of them. */
export async function mailTo(email: string, subject: RegExp, count = 1): Promise<SentMail> {
  const matching = async () => (await mailsTo(email)).filter((mail) => subject.test(mail.subject))
  const [newest] = await eventually(matching, (mails) => mails.length >= count)
  return newest as SentMail
}

export const SUBJECTS = {
  verify: /^Confirm your email address/,
  reset: /^Set a new password/,
  change: /^Confirm your new email address/,
  inUse: /already has an account at /,
} as const

/** The token of an email's one link, which must have it in its fragment. */
export function tokenIn(mail: SentMail): string {
  const token = /^https:\/\/tollgate\.test\/account\/[a-z-]+#token=([\w-]+)$/.exec(mail.links[0] ?? '')?.[1]
  if (!token) throw new Error(`no token in ${mail.links[0]}`)
  return token
}

/** Requests a password reset. @returns the token that was mailed */
export async function resetToken(email: string, count = 1): Promise<string> {
  await call('POST /api/v1/auth/password/reset', { body: { email } })
  return tokenIn(await mailTo(email, SUBJECTS.reset, count))
}

/** Like a person who registered with that password and opens the link in their mailbox. */
export async function confirmAddress(email: string, password = 'correct horse battery'): Promise<void> {
  await call('POST /api/v1/auth/email/resend', { body: { email } })
  const token = tokenIn(await mailTo(email, SUBJECTS.verify))
  const { status } = await call('POST /api/v1/auth/email/verify', { body: { token, password } })
  if (status !== 204) throw new Error(`The address was not confirmed: ${status}`)
}
