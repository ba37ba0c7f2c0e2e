import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import type { IssuedApiKey } from '../../api/types.ts'
import { Button } from '../../ui/button.tsx'
import { CopyButton } from '../../ui/copy.tsx'
import { Actions } from '../../ui/dialog.tsx'
import { Choice, Fieldset, Form } from '../../ui/field.tsx'
import { Card, Page, Section } from '../../ui/layout.tsx'
import { Link, textLink, useGo } from '../../ui/link.tsx'
import { ErrorNotice, Notice } from '../../ui/notice.tsx'
import { useSecretGuard } from '../shared/use-secret-guard.tsx'
import { KEY_FIELDS, KeyFields } from './key-fields.tsx'
import { type KeyForm, NEW_KEY, toKeyBody } from './key-form.ts'
import { Snippets } from './snippets.tsx'

type Wrong = Partial<Record<keyof KeyForm, string>>

export function CreateKey() {
  const [form, setForm] = useState(NEW_KEY)
  const [environment, setEnvironment] = useState<'live' | 'test'>('live')
  const [wrong, setWrong] = useState<Wrong>({})
  const { mutate, data, error, isPending } = useChange('POST /auth/api-keys')
  const go = useGo()
  if (data) return <Issued issued={data} />
  function change(changed: Partial<KeyForm>): void {
    setForm({ ...form, ...changed })
    setWrong({})
  }
  function create(): void {
    const read = toKeyBody(form)
    setWrong('wrong' in read ? read.wrong : {})
    if ('body' in read) mutate({ body: { ...read.body, name: read.body.name ?? '', environment } })
  }
  return (
    <Page
      title="Create key"
      above={
        <Link to="/keys" className={textLink}>
          API keys
        </Link>
      }
    >
      <Form onSubmit={create}>
        <ErrorNotice error={error} except={KEY_FIELDS} />
        <Fieldset legend="Environment">
          <Choice
            type="radio"
            name="environment"
            label="Live"
            hint="For real traffic."
            checked={environment === 'live'}
            onChange={() => setEnvironment('live')}
          />
          <Choice
            type="radio"
            name="environment"
            label="Test"
            hint="For trying things out. It counts against the same quotas."
            checked={environment === 'test'}
            onChange={() => setEnvironment('test')}
          />
        </Fieldset>
        <KeyFields form={form} onChange={change} error={error} wrong={wrong} />
        <Actions>
          <Button onClick={() => go('/keys')}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Create key
          </Button>
        </Actions>
      </Form>
    </Page>
  )
}

const SHOWN = 14

/** The key, this once. Leaving asks first, unless it was copied. */
function Issued({ issued }: { readonly issued: IssuedApiKey }) {
  const [isVisible, setIsVisible] = useState(false)
  const go = useGo()
  const { onCopied, question } = useSecretGuard('key')
  const { key: secret } = issued
  return (
    <Page title="Key created" intro={issued.name}>
      <Notice kind="warn">Copy the key now. You cannot see it again.</Notice>
      <Card className="flex flex-wrap items-center justify-between gap-3">
        <code className="min-w-0 font-mono break-all" onCopy={isVisible ? onCopied : undefined}>
          {isVisible ? secret : `${secret.slice(0, SHOWN)}${'•'.repeat(24)}`}
        </code>
        <div className="flex gap-2">
          <Button onClick={() => setIsVisible(!isVisible)}>{isVisible ? 'Hide' : 'Show'}</Button>
          <CopyButton text={secret} label="Copy key" onCopied={onCopied} autoFocus />
        </div>
      </Card>
      <Section title="Use it">
        <Snippets apiKey={secret} onCopied={onCopied} />
      </Section>
      <div>
        <Button onClick={() => go(`/keys/${issued.id}`)}>Done</Button>
      </div>
      {question}
    </Page>
  )
}
