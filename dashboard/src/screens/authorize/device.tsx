import { useEffect, useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import type { AuthorizationRequest } from '../../api/types.ts'
import { useSession } from '../../shell/session-context.tsx'
import { Button } from '../../ui/button.tsx'
import { Field, Form, Input } from '../../ui/field.tsx'
import { Card, Page } from '../../ui/layout.tsx'
import { Link, textLink } from '../../ui/link.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Decision, describeSource } from './decision.tsx'

/** What takes the place of a form is read from its beginning by who cannot see that it did. */
const useFocus = () => useEffect(() => document.getElementById('content')?.focus(), [])

/** Where somebody lets a device act for them that has no browser of its own, by the code that it shows. */
export function Device() {
  const [code, setCode] = useState(() => new URLSearchParams(location.search).get('user_code') ?? '')
  const [asked, setAsked] = useState<AuthorizationRequest>()
  const [decision, setDecision] = useState<'approve' | 'deny'>()
  const { organizationId } = useSession()
  if (asked && decision) return <Done name={asked.client.name} isAllowed={decision === 'approve'} />
  // for whom it shall act was changed since: what is shown must be what is agreed to
  const isShown = asked?.organization?.id === organizationId
  if (asked && isShown) return <Decide asked={asked} code={code} onDone={setDecision} />
  return <EnterCode code={code} onChange={setCode} onFound={setAsked} />
}

interface EnterCodeProps {
  readonly code: string
  readonly onChange: (code: string) => void
  readonly onFound: (asked: AuthorizationRequest) => void
}

function EnterCode({ code, onChange, onFound }: EnterCodeProps) {
  const { mutate, error, isPending } = useChange('POST /auth/devices')
  return (
    <Page
      title="Authorize a device"
      intro="Enter the eight-letter code shown by the device or command that you started."
    >
      <Card className="max-w-160">
        <Form onSubmit={() => mutate({ body: { user_code: code } }, { onSuccess: onFound })}>
          <Field label="Code" hint="Continue only if you started it yourself and it shows this code.">
            <Input
              required
              autoFocus
              maxLength={40}
              autoComplete="off"
              autoCapitalize="characters"
              spellCheck={false}
              placeholder="BCDF-GHJK"
              className="max-w-40 font-mono uppercase"
              value={code}
              onChange={(event) => onChange(event.target.value)}
            />
          </Field>
          <ErrorNotice error={error} />
          <Button type="submit" look="primary" busy={isPending} disabled={code.trim() === ''}>
            Continue
          </Button>
        </Form>
      </Card>
    </Page>
  )
}

interface DecideProps {
  readonly asked: AuthorizationRequest
  readonly code: string
  readonly onDone: (decision: 'approve' | 'deny') => void
}

function Decide({ asked, code, onDone }: DecideProps) {
  useFocus()
  const { mutate, error, isPending } = useChange('POST /auth/devices/decide')
  return (
    <Page
      title={`Allow ${asked.client.name} to act for you`}
      intro={`${describeSource(asked.client)} It runs on a device that shows the code below.`}
    >
      <Decision
        asked={asked}
        facts={[['Code', <code className="font-mono">{code.toUpperCase()}</code>]]}
        isPending={isPending}
        error={error}
        onDecide={(decided) =>
          mutate({ body: { user_code: code, ...decided } }, { onSuccess: () => onDone(decided.decision) })
        }
      />
    </Page>
  )
}

function Done({ name, isAllowed }: { readonly name: string; readonly isAllowed: boolean }) {
  useFocus()
  return (
    <Page title={isAllowed ? `${name} can act for you` : `${name} was denied`}>
      <p>
        {isAllowed
          ? 'Go back to the device. It continues within a few seconds. You can revoke its access under '
          : 'The device was notified. You find what can act for you under '}
        <Link to="/account" className={textLink}>
          Account
        </Link>
        .
      </p>
    </Page>
  )
}
