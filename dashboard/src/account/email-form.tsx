import { useState } from 'react'
import { Button } from '../ui/button.tsx'
import { Field, Form, Input } from '../ui/field.tsx'
import { ErrorNotice } from '../ui/notice.tsx'
import { useSubmit } from './use-submit.ts'

interface EmailFormProps {
  /** What the button says. */
  readonly action: string
  readonly onSend: (email: string) => Promise<void>
}

/** Asks for an email address to which something is sent. */
export function EmailForm({ action, onSend }: EmailFormProps) {
  const [email, setEmail] = useState('')
  const { busy, error, submit } = useSubmit(() => onSend(email))
  return (
    <Form onSubmit={submit}>
      <ErrorNotice error={error} except={['email']} />
      <Field label="Email" error={error?.fieldError('email')}>
        <Input
          type="email"
          name="email"
          autoComplete="username"
          autoFocus
          value={email}
          onChange={({ target }) => setEmail(target.value)}
        />
      </Field>
      <Button type="submit" look="primary" wide busy={busy}>
        {action}
      </Button>
    </Form>
  )
}
