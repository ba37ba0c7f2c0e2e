import { useState } from 'react'
import { useRead } from '../../api/hooks.ts'
import type { SingleSignOn as Connection } from '../../api/types.ts'
import { useMay, useSession } from '../../shell/session-context.tsx'
import { useStepUp } from '../../shell/step-up.tsx'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Code } from '../../ui/copy.tsx'
import { Confirm } from '../../ui/dialog.tsx'
import { Card, Facts, Section } from '../../ui/layout.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Empty, Skeleton } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { roleInWords } from './roles.tsx'
import { SingleSignOnForm } from './single-sign-on-form.tsx'

type Open = 'form' | 'removal'

/** The OpenID provider by which the organization's people sign in. Admins see it, owners change it. */
export function SingleSignOn() {
  const { organizationId } = useSession()
  const mayChange = useMay('owners:write')
  const [open, setOpen] = useState<Open>()
  const close = () => setOpen(undefined)
  const { data, error, isPending, refetch } = useRead('GET /organizations/{organization_id}/sso', {
    params: { organization_id: organizationId },
  })
  const isNone = error?.code === 'sso_not_found'
  const connection = isNone ? undefined : data
  return (
    <Section
      title="Single sign-on"
      intro="People with an address at a verified domain sign in with your identity provider."
    >
      {error && !isNone && !connection && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {isPending && <Skeleton lines={2} />}
      {isNone && (
        <Empty
          title="No single sign-on"
          action={mayChange && <Button onClick={() => setOpen('form')}>Set up single sign-on</Button>}
        >
          Any OpenID provider works: Okta, Entra, Google Workspace, Keycloak.
        </Empty>
      )}
      {connection && <Shown connection={connection} onOpen={mayChange ? setOpen : undefined} />}
      {open === 'form' && <SingleSignOnForm connection={connection} onClose={close} />}
      {open === 'removal' && <Remove onClose={close} />}
    </Section>
  )
}

interface ShownProps {
  readonly connection: Connection
  readonly onOpen: ((dialog: Open) => void) | undefined
}

function Shown({ connection, onOpen }: ShownProps) {
  const { issuer, client_id, join_role: joinRole, required, redirect_uri, last_used_at: used } = connection
  return (
    <Card className="flex flex-col gap-4">
      <Facts
        facts={[
          ['Issuer', <Code>{issuer}</Code>],
          ['Client id', <Code>{client_id}</Code>],
          ['Redirect address', <Code>{redirect_uri}</Code>],
          ['New people', joinRole ? `Join as ${roleInWords(joinRole)}` : 'Need an invitation'],
          [
            'Required',
            required ? <Status kind="good">For all but owners</Status> : <Status kind="off">Not required</Status>,
          ],
          ['Last sign-in', used ? <Time at={used} /> : <Status kind="waiting">Not tried yet</Status>],
        ]}
      />
      {onOpen && (
        <div className="flex flex-wrap gap-2">
          <Button onClick={() => onOpen('form')}>Change single sign-on</Button>
          <Button onClick={() => onOpen('removal')}>Remove single sign-on</Button>
        </div>
      )}
    </Card>
  )
}

function Remove({ onClose }: { readonly onClose: () => void }) {
  const { organizationId } = useSession()
  const { mutate, error, isPending, stepUp } = useStepUp('DELETE /organizations/{organization_id}/sso')
  const remove = () =>
    mutate(
      { params: { organization_id: organizationId } },
      {
        onSuccess() {
          toast('Single sign-on removed')
          onClose()
        },
      },
    )
  return (
    <Confirm
      open
      onClose={onClose}
      title="Remove single sign-on"
      action="Remove"
      onConfirm={remove}
      busy={isPending}
      error={error}
    >
      <p>Nobody can sign in with it anymore. Members stay, and sign in by email or with a password they set.</p>
      {stepUp}
    </Confirm>
  )
}
