import { useState } from 'react'
import { useChange, useList, useRead } from '../../api/hooks.ts'
import { useMay } from '../../shell/session-context.tsx'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { CopyButton } from '../../ui/copy.tsx'
import { Card, Page } from '../../ui/layout.tsx'
import { Link, textLink } from '../../ui/link.tsx'
import { ErrorNotice, Notice } from '../../ui/notice.tsx'
import { Time } from '../../ui/time.tsx'
import { useSecretGuard } from '../shared/use-secret-guard.tsx'
import { Snippets } from './snippets.tsx'

export function Onboarding() {
  return (
    <Page title="Get started" intro="Make your first request with your own key.">
      <FirstSteps />
    </Page>
  )
}

const LOOK_MS = 2_000

/** Three steps to a first request. The last turns green by itself. */
export function FirstSteps() {
  const [secret, setSecret] = useState<{ id: string; key: string }>()
  const { onCopied, question } = useSecretGuard('key', { isShown: secret !== undefined })
  const mayCreate = useMay('keys:write')
  const create = useChange('POST /auth/api-keys')
  const keys = useList('GET /auth/api-keys', { query: { status: 'active', limit: 1 } })
  const known = secret?.id ?? keys.rows?.[0]?.id
  return (
    <Card className="flex flex-col gap-6">
      <Step number={1} title="Create a key" isDone={known !== undefined}>
        {secret ? (
          <>
            <Notice kind="warn">Copy the key now. You cannot see it again.</Notice>
            <div className="flex flex-wrap items-center gap-2">
              <code className="font-mono text-small break-all" onCopy={onCopied}>
                {secret.key}
              </code>
              <CopyButton text={secret.key} label="Copy key" onCopied={onCopied} autoFocus />
            </div>
          </>
        ) : known ? (
          <p className="text-muted">
            You have a key.{' '}
            <Link to="/keys" className={textLink}>
              See your API keys
            </Link>
          </p>
        ) : (
          mayCreate && (
            <Button
              look="primary"
              className="self-start"
              busy={create.isPending}
              onClick={() =>
                create.mutate({ body: { name: 'First key' } }, { onSuccess: ({ id, key }) => setSecret({ id, key }) })
              }
            >
              Create key
            </Button>
          )
        )}
        <ErrorNotice error={create.error} />
      </Step>
      <Step number={2} title="Call the API with it" isDone={false}>
        <Snippets apiKey={secret?.key ?? 'YOUR_KEY'} {...(secret && { onCopied })} />
      </Step>
      {question}
      <Step number={3} title="See the first request" isDone={false}>
        {known ? <FirstRequest id={known} /> : <p className="text-muted">Create a key first.</p>}
      </Step>
    </Card>
  )
}

interface StepProps {
  readonly number: number
  readonly title: string
  readonly isDone: boolean
  readonly children: React.ReactNode
}

function Step({ number, title, isDone, children }: StepProps) {
  return (
    <section aria-label={title} className="flex gap-3">
      <span className="flex size-6 shrink-0 items-center justify-center rounded-full border border-line text-small text-muted">
        {number}
      </span>
      <div className="flex min-w-0 flex-1 flex-col gap-3">
        <h2 className="flex items-center gap-3">
          {title}
          {isDone && <Status kind="good">Done</Status>}
        </h2>
        {children}
      </div>
    </section>
  )
}

/** Looks every two seconds until the key was used. */
function FirstRequest({ id }: { readonly id: string }) {
  const [isSeen, setIsSeen] = useState(false)
  const { data } = useRead('GET /auth/api-keys/{id}', { params: { id } }, { every: !isSeen && LOOK_MS })
  const usedAt = data?.last_used_at
  if (usedAt && !isSeen) setIsSeen(true)
  return (
    <div role="status">
      {usedAt ? (
        <>
          <Status kind="good">
            <span className="whitespace-normal">
              The first request arrived <Time at={usedAt} />.
            </span>
          </Status>
          <p className="mt-1 text-muted">
            It reads your quotas and is not counted. Your programs’ calls to the API are.
          </p>
        </>
      ) : (
        <Status kind="waiting">Waiting for your first request</Status>
      )}
    </div>
  )
}
