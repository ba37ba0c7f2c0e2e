import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import { useSession } from '../../shell/session-context.tsx'
import { useStepUp } from '../../shell/step-up.tsx'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Form } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { BackupCodes } from './backup-codes.tsx'
import { CurrentPassword, isProofError, SecondFactorCode } from './fields.tsx'
import { SetUp } from './set-up.tsx'

type Action = 'set-up' | 'renew' | 'disable'

const DIALOGS = { 'set-up': SetUp, renew: Renew, disable: Disable } as const

export function SecondFactor() {
  const { user } = useSession()
  const [action, setAction] = useState<Action>()
  const Shown = action && DIALOGS[action]
  return (
    <div className="flex flex-wrap items-center justify-between gap-3 p-4">
      <div>
        <p className="font-medium">Second factor</p>
        <p className="flex flex-wrap gap-x-3 text-muted">
          A code from an authenticator app at each sign-in.
          {user?.two_factor_enabled ? <Status kind="good">Enabled</Status> : <Status kind="off">Not enabled</Status>}
        </p>
      </div>
      <div className="flex flex-wrap gap-2">
        {user?.two_factor_enabled ? (
          <>
            <Button onClick={() => setAction('renew')}>Renew backup codes</Button>
            <Button onClick={() => setAction('disable')}>Disable</Button>
          </>
        ) : (
          <Button onClick={() => setAction('set-up')}>Set up</Button>
        )}
      </div>
      {Shown && <Shown onClose={() => setAction(undefined)} />}
    </div>
  )
}

function Renew({ onClose }: { readonly onClose: () => void }) {
  const [code, setCode] = useState('')
  const [codes, setCodes] = useState<readonly string[]>()
  const { mutate, error, isPending, stepUp } = useStepUp('POST /auth/2fa/backup-codes')
  const renew = () =>
    mutate({ body: { code: code.trim() } }, { onSuccess: ({ backup_codes }) => setCodes(backup_codes) })
  if (codes) return <BackupCodes codes={codes} title="Your new backup codes" onClose={onClose} />
  return (
    <Dialog open onClose={onClose} title="Renew backup codes">
      <Form onSubmit={renew}>
        <p>You get ten new codes. The former ones stop working at once.</p>
        {!isProofError(error) && <ErrorNotice error={error} except={['code']} />}
        <SecondFactorCode value={code} error={error} onChange={setCode} autoFocus />
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Renew backup codes
          </Button>
        </Actions>
      </Form>
      {stepUp}
    </Dialog>
  )
}

function Disable({ onClose }: { readonly onClose: () => void }) {
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const { user } = useSession()
  const { mutate, error, isPending } = useChange('POST /auth/2fa/disable')
  const disable = () =>
    mutate(
      { body: { ...(user?.has_password && { password }), code: code.trim() } },
      {
        onSuccess() {
          toast('Second factor disabled')
          onClose()
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title="Disable the second factor">
      <Form onSubmit={disable}>
        <p>From the next sign-in on, a code is no longer asked for. Your backup codes stop working.</p>
        {!isProofError(error) && <ErrorNotice error={error} except={['password', 'code']} />}
        <CurrentPassword value={password} error={error} onChange={setPassword} />
        <SecondFactorCode value={code} error={error} onChange={setCode} />
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="danger" busy={isPending}>
            Disable
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}
