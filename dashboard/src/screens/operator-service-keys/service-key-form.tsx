import { useState } from 'react'
import type { ApiError } from '../../api/problem.ts'
import type { ApiKey, NewServiceKey } from '../../api/types.ts'
import { Button } from '../../ui/button.tsx'
import { Actions } from '../../ui/dialog.tsx'
import { Field, Form, Input, Textarea } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { ScopePicker } from './scope-picker.tsx'

interface ServiceKeyFormProps {
  /** The key to change; a new one when absent. */
  readonly item?: ApiKey
  readonly action: string
  readonly busy: boolean
  readonly error: ApiError | null
  readonly onSubmit: (body: NewServiceKey) => void
  readonly onCancel: () => void
}

export function ServiceKeyForm({ item, action, busy, error, onSubmit, onCancel }: ServiceKeyFormProps) {
  const [name, setName] = useState(item?.name ?? '')
  const [scopes, setScopes] = useState<readonly string[]>(item?.scopes ?? [])
  const [addresses, setAddresses] = useState((item?.allowed_ips ?? []).join('\n'))
  function submit(): void {
    const list = addresses.split(/[\s,]+/).filter(Boolean)
    onSubmit({ name: name.trim(), scopes: [...scopes], allowed_ips: list.length > 0 ? list : null })
  }
  return (
    <Form onSubmit={submit}>
      <ErrorNotice error={error} except={['name', 'scopes', 'allowed_ips']} />
      <Field label="Name" hint="Which back end uses it." error={error?.fieldError('name')}>
        <Input autoFocus value={name} onChange={({ target }) => setName(target.value)} />
      </Field>
      <ScopePicker scopes={scopes} onChange={setScopes} error={error?.fieldError('scopes')} />
      <Field
        label="Allowed addresses"
        optional
        hint="IP addresses or ranges of your back end, one per line."
        error={error?.fieldError('allowed_ips')}
      >
        <Textarea className="font-mono" value={addresses} onChange={({ target }) => setAddresses(target.value)} />
      </Field>
      <Actions>
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" look="primary" busy={busy}>
          {action}
        </Button>
      </Actions>
    </Form>
  )
}
