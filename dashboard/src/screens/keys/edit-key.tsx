import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import type { ApiKey } from '../../api/types.ts'
import { Button } from '../../ui/button.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Form } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { KEY_FIELDS, KeyFields } from './key-fields.tsx'
import { type KeyForm, toKeyChanges, toKeyForm } from './key-form.ts'
import { named, type OfCustomer } from './of-customer.ts'

function toastAnd(close: () => void): void {
  toast('Key changed', 'It takes effect within two seconds.')
  close()
}

interface EditKeyProps extends OfCustomer {
  readonly item: ApiKey
  readonly onClose: () => void
}

/** Changes what a key may do. The secret stays the same. */
export function EditKey({ item, onClose, ...customer }: EditKeyProps) {
  const [opened] = useState(() => toKeyForm(item))
  const [form, setForm] = useState(opened)
  const [wrong, setWrong] = useState<Partial<Record<keyof KeyForm, string>>>({})
  const { mutate, error, isPending } = useChange('PATCH /auth/api-keys/{id}')
  function save(): void {
    const read = toKeyChanges(opened, form)
    setWrong('wrong' in read ? read.wrong : {})
    if (!('body' in read)) return
    mutate({ params: { id: item.id }, query: named(customer), body: read.body }, { onSuccess: () => toastAnd(onClose) })
  }
  return (
    <Dialog open onClose={onClose} title={`Edit ${item.name}`} side>
      <Form onSubmit={save}>
        <ErrorNotice error={error} except={KEY_FIELDS} />
        <KeyFields
          form={form}
          onChange={(change) => setForm({ ...form, ...change })}
          error={error}
          wrong={wrong}
          isEdit
        />
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Save key
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}
