import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { startSupport } from '../../api/session.ts'
import { useStepUp } from '../../shell/step-up.tsx'
import { Button } from '../../ui/button.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Field, Form, Input } from '../../ui/field.tsx'
import { useGo } from '../../ui/link.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import type { UserActionProps } from './user-actions.tsx'

/** Asks why, then acts as the user in this tab until the session ends. */
export function StartSupport({ user, onClose }: UserActionProps) {
  const [reason, setReason] = useState('')
  const client = useQueryClient()
  const go = useGo()
  const { mutate, error, isPending, stepUp } = useStepUp('POST /admin/users/{id}/impersonate', { allowsCode: true })
  const start = () =>
    mutate(
      { params: { id: user.id }, body: { reason } },
      {
        onSuccess(tokens) {
          startSupport(tokens)
          onClose()
          go('/')
          void client.resetQueries() // what was read so far was read as the administrator
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title={`Start a support session as ${user.email}`}>
      <Form onSubmit={start}>
        <p>
          For 15 minutes, you can see and do in this tab what they can, except for credentials and security settings.
          They are notified by email, and the audit log names you.
        </p>
        <ErrorNotice error={error} except={['reason']} />
        <Field label="Reason" hint="Kept in the audit log." error={error?.fieldError('reason')}>
          <Input autoFocus value={reason} onChange={({ target }) => setReason(target.value)} />
        </Field>
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Start session
          </Button>
        </Actions>
      </Form>
      {stepUp}
    </Dialog>
  )
}
