import { createHash } from 'node:crypto'
import * as z from 'zod'
import { type Call, html, type Reply } from '../http.ts'
import { escapeHtml, page } from '../pages.ts'

/** How a provider may misbehave for one sign-in, so that other sign-ins are not disturbed. */
const MISBEHAVIORS = {
  none: 'nothing',
  wrong_issuer: 'the ID token names another issuer',
  wrong_audience: 'the ID token is for another client',
  wrong_nonce: 'the ID token has another nonce',
  no_nonce: 'the ID token has no nonce',
  expired: 'the ID token has expired',
  other_key: 'the ID token is signed with a key that is not published',
  unsigned: 'the ID token is not signed',
  response_issuer: 'the response names another issuer',
  no_response_issuer: 'the response names no issuer',
  wrong_state: 'the response has another state',
  token_error: 'the token endpoint fails',
  no_email: 'there is no address',
  several_addresses: 'GitHub: a second address is confirmed, the first is not',
} as const

export type Misbehavior = keyof typeof MISBEHAVIORS

/** A person who signs in. */
export interface Person {
  readonly subject: string
  readonly email: string
  readonly name: string
  readonly isVerified: boolean
  readonly misbehavior: Misbehavior
}

const Form = z.object({
  email: z.string().min(3).max(255),
  name: z.string().max(200).default(''),
  subject: z.string().max(255).default(''),
  verified: z.literal('on').optional(),
  misbehave: z.enum(Object.keys(MISBEHAVIORS) as [Misbehavior, ...Misbehavior[]]).default('none'),
})

/**
 * Reads the form of the sign-in page.
 *
 * @returns `undefined` for a person who cancels
 */
export function readPerson(body: string): Person | undefined {
  const fields = Object.fromEntries(new URLSearchParams(body))
  if ('cancel' in fields) return undefined
  const { email, name, subject, verified, misbehave } = Form.parse(fields)
  return {
    subject: subject || toSubject(email),
    email,
    name,
    isVerified: verified !== undefined,
    misbehavior: misbehave,
  }
}

/** The same address is the same person, unless the form says otherwise. */
const toSubject = (email: string) => createHash('sha256').update(email.toLowerCase()).digest('hex').slice(0, 24)

/** The page of a provider where everybody is who they say they are. */
export function signInPage(provider: string, { url }: Pick<Call, 'url'>): Reply {
  const hint = escapeHtml(url.searchParams.get('login_hint') ?? 'ada@example.com')
  const options = Object.entries(MISBEHAVIORS).map(([name, meaning]) => `<option value="${name}">${meaning}</option>`)
  return html(
    200,
    page(
      `Sign in at ${provider}, local`,
      `<p>No password is asked for: this is ${provider} on this machine. Say who you would like to be.</p>
      <form method="post">
        <p><label>Email<br><input type="email" name="email" value="${hint}" required autofocus size="32"></label></p>
        <p><label>Name<br><input name="name" value="Ada Lovelace" size="32"></label></p>
        <p><label><input type="checkbox" name="verified" checked> The address is confirmed</label></p>
        <details><summary>More</summary>
          <p><label>Subject, if not that of the address<br><input name="subject" size="32"></label></p>
          <p><label>What the provider does wrong<br><select name="misbehave" style="max-width:100%">${options.join('')}</select></label></p>
        </details>
        <p><button>Sign in</button> <button name="cancel" formnovalidate>Cancel</button></p>
      </form>`,
    ),
  )
}
