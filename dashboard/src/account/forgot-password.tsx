import { useState } from 'react'
import { call } from '../api/client.ts'
import { Notice } from '../ui/notice.tsx'
import { EmailForm } from './email-form.tsx'
import { AccountLayout, linkClass } from './layout.tsx'
import { withNext } from './next.ts'

export function ForgotPassword() {
  const [sentTo, setSentTo] = useState<string>()
  async function send(email: string): Promise<void> {
    await call('POST /auth/password/reset', { body: { email } })
    setSentTo(email)
  }
  return (
    <AccountLayout title="Reset your password">
      {sentTo ? (
        <Notice kind="good">
          If {sentTo} has an account, a link to set a new password is on its way. It works for 10 minutes.
        </Notice>
      ) : (
        <EmailForm action="Send the link" onSend={send} />
      )}
      <p>
        <a className={linkClass} href={withNext('sign-in')}>
          Back to sign in
        </a>
      </p>
    </AccountLayout>
  )
}
