import { useState } from 'react'
import type { ApiError } from '../../api/problem.ts'
import type { SingleSignOn } from '../../api/types.ts'
import { useSession } from '../../shell/session-context.tsx'
import { useStepUp } from '../../shell/step-up.tsx'
import { Button } from '../../ui/button.tsx'
import { Code } from '../../ui/copy.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Choice, Field, Form, Input } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { JoinRoleChoice } from './domain-dialogs.tsx'

interface FormProps {
  /** What there is already. */
  readonly connection: SingleSignOn | undefined
  readonly onClose: () => void
}

interface Draft {
  readonly issuer: string
  readonly client_id: string
  /** Empty to keep the present one. */
  readonly client_secret: string
  readonly join_role: SingleSignOn['join_role']
  readonly required: boolean
}

const toDraft = (connection: SingleSignOn | undefined): Draft => ({
  issuer: connection?.issuer ?? '',
  client_id: connection?.client_id ?? '',
  client_secret: '',
  join_role: connection?.join_role ?? null,
  required: connection?.required ?? false,
})

export function SingleSignOnForm({ connection, onClose }: FormProps) {
  const { organizationId } = useSession()
  const [draft, setDraft] = useState(() => toDraft(connection))
  const change = (changes: Partial<Draft>) => setDraft({ ...draft, ...changes })
  const { mutate, error, isPending, stepUp } = useStepUp('PUT /organizations/{organization_id}/sso')
  const isTried = Boolean(connection?.last_used_at)
  function save(): void {
    const { client_secret: secret, ...rest } = draft
    mutate(
      {
        params: { organization_id: organizationId },
        body: { ...rest, ...(secret !== '' && { client_secret: secret }) },
      },
      {
        onSuccess() {
          toast('Single sign-on saved', isTried ? undefined : 'Sign in with it once to check that it works.')
          onClose()
        },
      },
    )
  }
  return (
    <Dialog open onClose={onClose} title="Single sign-on">
      <Form onSubmit={save}>
        <ErrorNotice error={error} except={['issuer', 'client_id', 'client_secret']} />
        <Provider draft={draft} error={error} connection={connection} onChange={change} />
        <JoinRoleChoice
          legend="People who sign in for the first time join as"
          value={draft.join_role}
          onChange={(joinRole) => change({ join_role: joinRole })}
        />
        <Choice
          label="Required for all but owners"
          hint={
            isTried
              ? 'Members can act only after signing in this way.'
              : 'Available once someone has signed in with it.'
          }
          checked={draft.required}
          disabled={!isTried}
          onChange={({ target }) => change({ required: target.checked })}
        />
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Save
          </Button>
        </Actions>
      </Form>
      {stepUp}
    </Dialog>
  )
}

interface ProviderProps {
  readonly draft: Draft
  readonly error: ApiError | null
  readonly connection: SingleSignOn | undefined
  readonly onChange: (changes: Partial<Draft>) => void
}

function Provider({ draft, error, connection, onChange }: ProviderProps) {
  return (
    <>
      <div>
        <p>Register this redirect address at your provider:</p>
        <Code>{connection?.redirect_uri ?? `${location.origin}/account/sign-in`}</Code>
      </div>
      <Field label="Issuer" hint="Such as https://acme.okta.com" error={error?.fieldError('issuer')}>
        <Input
          type="url"
          name="issuer"
          autoFocus
          value={draft.issuer}
          onChange={({ target }) => onChange({ issuer: target.value })}
        />
      </Field>
      <Field label="Client id" error={error?.fieldError('client_id')}>
        <Input
          name="client-id"
          autoComplete="off"
          value={draft.client_id}
          onChange={({ target }) => onChange({ client_id: target.value })}
        />
      </Field>
      <Field
        label="Client secret"
        optional={connection !== undefined}
        hint={connection && 'Leave empty to keep the current one.'}
        error={error?.fieldError('client_secret')}
      >
        <Input
          type="password"
          name="client-secret"
          autoComplete="off"
          value={draft.client_secret}
          onChange={({ target }) => onChange({ client_secret: target.value })}
        />
      </Field>
    </>
  )
}
