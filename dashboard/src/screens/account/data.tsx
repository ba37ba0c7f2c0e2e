import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { callRaw } from '../../api/client.ts'
import { useChange } from '../../api/hooks.ts'
import type { ApiError } from '../../api/problem.ts'
import { signOut } from '../../api/session.ts'
import { isSameName } from '../../lib/same-name.ts'
import { useSession } from '../../shell/session-context.tsx'
import { Button } from '../../ui/button.tsx'
import { ConfirmField } from '../../ui/confirm-field.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Form } from '../../ui/field.tsx'
import { Section } from '../../ui/layout.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { download } from './download.ts'
import { CurrentPassword, isProofError, NO_FACTOR, SecondFactorField } from './fields.tsx'

interface YourDataProps {
  readonly email: string
  readonly hasSecondFactor: boolean
}

export function YourData(props: YourDataProps) {
  const [isDeleting, setIsDeleting] = useState(false)
  return (
    <>
      <Section title="Your data">
        <ExportData />
      </Section>
      <Section title="Danger zone">
        <div className="flex flex-wrap items-center justify-between gap-3 rounded-lg border border-bad bg-raised p-4">
          <div>
            <p className="font-medium">Delete your account</p>
            <p className="text-muted">
              Also deletes your personal organization if it has no other members. Delete other organizations that you
              own alone first, or hand them over. This cannot be undone.
            </p>
          </div>
          <Button look="danger" onClick={() => setIsDeleting(true)}>
            Delete account
          </Button>
        </div>
      </Section>
      {isDeleting && <DeleteAccount {...props} onClose={() => setIsDeleting(false)} />}
    </>
  )
}

function ExportData() {
  const { mutate, error, isPending } = useMutation<void, ApiError>({
    async mutationFn() {
      const answer = await callRaw('GET /auth/me/export')
      const day = new Date().toISOString().slice(0, 10)
      download(`tollgate-account-${day}.json`, await answer.blob())
    },
  })
  return (
    <div className="flex flex-wrap items-center justify-between gap-3 rounded-lg border border-line bg-raised p-4">
      <div>
        <p className="font-medium">Export your data</p>
        <p className="text-muted">
          One JSON file: profile, memberships, sessions, keys, actions and usage. No secrets.
        </p>
      </div>
      <Button busy={isPending} onClick={() => mutate()}>
        Export data
      </Button>
      <ErrorNotice error={error} />
    </div>
  )
}

/** Goes to the sign-in page, whether or not the session could still be ended: its account is gone. */
const leaveForGood = () => void signOut().finally(() => location.assign('/dashboard/sign-in'))

function DeleteAccount({ email, hasSecondFactor, onClose }: YourDataProps & { readonly onClose: () => void }) {
  const [typed, setTyped] = useState('')
  const [password, setPassword] = useState('')
  const [factor, setFactor] = useState(NO_FACTOR)
  const { user } = useSession()
  const { mutate, error, isPending } = useChange('DELETE /auth/me')
  const isReady = isSameName(typed, email) && (password !== '' || !user?.has_password)
  const remove = () =>
    isReady &&
    mutate(
      { body: { ...(user?.has_password && { password }), ...(hasSecondFactor && factor) } },
      { onSuccess: leaveForGood },
    )
  return (
    <Dialog open onClose={onClose} title="Delete your account">
      <Form onSubmit={remove}>
        <p>
          Your account and the organization created for you are deleted immediately, and its keys stop working within
          two seconds. Your other organizations must have another owner. Cancel subscriptions first.
        </p>
        {!isProofError(error) && <ErrorNotice error={error} except={['password', 'code']} />}
        <ConfirmField name={email} value={typed} onChange={setTyped} />
        <CurrentPassword value={password} error={error} onChange={setPassword} />
        {hasSecondFactor && <SecondFactorField value={factor} error={error} onChange={setFactor} />}
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="danger" busy={isPending} disabled={!isReady}>
            Delete account
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}
