import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import { useSession } from '../../shell/session-context.tsx'
import { setSingleKeys, useSingleKeys } from '../../shell/single-keys.ts'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Code } from '../../ui/copy.tsx'
import { Choice, Field, Form, Input } from '../../ui/field.tsx'
import { Card, Page, Section } from '../../ui/layout.tsx'
import { ErrorNotice, Notice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { Applications } from './applications.tsx'
import { ChangeEmail, ChangePassword } from './credentials.tsx'
import { YourData } from './data.tsx'
import { Identities } from './identities.tsx'
import { Passkeys } from './passkeys.tsx'
import { SecondFactor } from './second-factor.tsx'
import { Sessions } from './sessions.tsx'

export function Account() {
  const { user } = useSession()
  if (!user) {
    return (
      <Page title="Account">
        <Notice>You came here from another application. Manage your account there.</Notice>
      </Page>
    )
  }
  return (
    <Page title="Account" state={<Code>{user.id}</Code>}>
      <Section title="Profile">
        <Card>
          <Profile name={user.name ?? ''} />
        </Card>
      </Section>
      <Section title="Sign-in">
        <div className="divide-y divide-line rounded-lg border border-line bg-raised">
          <SignInEmail />
          <Password />
          <Passkeys />
          <Identities />
          <SecondFactor />
        </div>
      </Section>
      <Applications />
      <Section title="Keyboard">
        <Card>
          <SingleKeys />
        </Card>
      </Section>
      <Sessions />
      <YourData email={user.email} hasSecondFactor={user.two_factor_enabled} />
    </Page>
  )
}

function Profile({ name: before }: { readonly name: string }) {
  const [name, setName] = useState(before)
  const { mutate, error, isPending } = useChange('PUT /auth/me')
  const save = () => mutate({ body: { name: name.trim() || null } }, { onSuccess: () => toast('Profile saved') })
  return (
    <Form onSubmit={save}>
      <ErrorNotice error={error} except={['name']} />
      <Field label="Name" optional error={error?.fieldError('name')}>
        <Input name="name" autoComplete="name" value={name} onChange={({ target }) => setName(target.value)} />
      </Field>
      <div>
        <Button type="submit" look="primary" busy={isPending} disabled={name.trim() === before}>
          Save name
        </Button>
      </div>
    </Form>
  )
}

/** A choice of this browser, not of the account. */
function SingleKeys() {
  return (
    <Choice
      label="Shortcuts of single keys"
      hint="Such as g then k for your API keys. Press ? to see all of them. Turn them off in this browser if you press keys by accident, or speak instead of typing."
      checked={useSingleKeys()}
      onChange={({ target }) => setSingleKeys(target.checked)}
    />
  )
}

function SignInEmail() {
  const { user } = useSession()
  const [isOpen, setIsOpen] = useState(false)
  if (!user) return null
  return (
    <div className="flex flex-wrap items-center justify-between gap-3 p-4">
      <div className="min-w-0">
        <p className="font-medium">Email</p>
        <p className="flex flex-wrap gap-x-3 text-muted">
          <span className="min-w-0">{user.email}</span>
          {user.is_verified ? <Status kind="good">Confirmed</Status> : <Status kind="warn">Not confirmed</Status>}
        </p>
      </div>
      <Button onClick={() => setIsOpen(true)}>Change email</Button>
      {isOpen && <ChangeEmail hasSecondFactor={user.two_factor_enabled} onClose={() => setIsOpen(false)} />}
    </div>
  )
}

function Password() {
  const { user } = useSession()
  const [isOpen, setIsOpen] = useState(false)
  if (user && !user.has_password) return <FirstPassword email={user.email} />
  return (
    <div className="flex flex-wrap items-center justify-between gap-3 p-4">
      <div>
        <p className="font-medium">Password</p>
        <p className="text-muted">Changing it signs out your other devices.</p>
      </div>
      <Button onClick={() => setIsOpen(true)}>Change password</Button>
      {isOpen && <ChangePassword onClose={() => setIsOpen(false)} />}
    </div>
  )
}

/** Who signs in with an identity provider may add a password, by the link that also replaces a forgotten one. */
function FirstPassword({ email }: { readonly email: string }) {
  const { mutate, error, isPending } = useChange('POST /auth/password/reset')
  const send = () =>
    mutate({ body: { email } }, { onSuccess: () => toast('Link sent', `Open the link that was sent to ${email}.`) })
  return (
    <div className="flex flex-wrap items-center justify-between gap-3 p-4">
      <div>
        <p className="font-medium">Password</p>
        <p className="text-muted">You have no password. Setting one signs out all your devices.</p>
      </div>
      <Button busy={isPending} onClick={send}>
        Set a password
      </Button>
      <ErrorNotice error={error} />
    </div>
  )
}
