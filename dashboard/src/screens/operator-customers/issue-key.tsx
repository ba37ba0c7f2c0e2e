import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import type { AdminOrganization } from '../../api/types.ts'
import { Button } from '../../ui/button.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Field, Form, Select } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { KEY_FIELDS, KeyFields } from '../keys/key-fields.tsx'
import { type KeyForm, NEW_KEY, toKeyBody } from '../keys/key-form.ts'
import { SecretOnce } from '../shared/secret-once.tsx'

interface IssueKeyProps {
  readonly customer: AdminOrganization
  readonly onClose: () => void
}

/** Issues a key for a customer. It counts among the customer's own, and is shown this once. */
export function IssueKey({ customer, onClose }: IssueKeyProps) {
  const [form, setForm] = useState(NEW_KEY)
  const [environment, setEnvironment] = useState<'live' | 'test'>('live')
  const [wrong, setWrong] = useState<Partial<Record<keyof KeyForm, string>>>({})
  const { mutate, data, error, isPending } = useChange('POST /auth/api-keys')
  if (data)
    return (
      <SecretOnce title="Key created" noun="key" secret={data.key} onClose={onClose}>
        <p>Give it to {customer.name} over a channel you both trust.</p>
      </SecretOnce>
    )
  function issue(): void {
    const read = toKeyBody(form)
    setWrong('wrong' in read ? read.wrong : {})
    if (!('body' in read)) return
    mutate({ body: { ...read.body, name: read.body.name ?? '', environment, organization_id: customer.id } })
  }
  return (
    <Dialog open onClose={onClose} title={`Create a key for ${customer.name}`} side>
      <Form onSubmit={issue}>
        <ErrorNotice error={error} except={KEY_FIELDS} />
        <KeyFields form={form} onChange={(change) => setForm({ ...form, ...change })} error={error} wrong={wrong} />
        <Field label="Environment">
          <Select value={environment} onChange={({ target }) => setEnvironment(target.value as 'live' | 'test')}>
            <option value="live">Live</option>
            <option value="test">Test</option>
          </Select>
        </Field>
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Create key
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}
