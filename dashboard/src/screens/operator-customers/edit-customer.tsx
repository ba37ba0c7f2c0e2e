import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import { differing } from '../../lib/differing.ts'
import { Button } from '../../ui/button.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { AS_TYPED, Field, Form, Input } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import type { ActionProps } from './customer-actions.tsx'

interface Details {
  readonly name: string
  readonly email: string
  readonly external_id: string
}

const toBody = ({ name, email, external_id }: Details) => ({
  name,
  email: email || null,
  external_id: external_id || null,
})

/** Name, billing contact and external id. */
export function EditCustomer({ customer, onClose }: ActionProps) {
  const [opened] = useState<Details>({
    name: customer.name,
    email: customer.email ?? '',
    external_id: customer.external_id ?? '',
  })
  const [wish, setWish] = useState(opened)
  const { mutate, error, isPending } = useChange('PATCH /admin/organizations/{organization_id}')
  const set = (changed: Partial<typeof wish>) => setWish({ ...wish, ...changed })
  const isTaken = error?.code === 'external_id_taken'
  const save = () =>
    mutate(
      {
        params: { organization_id: customer.id },
        body: differing(toBody(opened), toBody(wish)),
      },
      {
        onSuccess() {
          onClose()
          toast('Details saved')
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title="Edit details">
      <Form onSubmit={save}>
        {!isTaken && <ErrorNotice error={error} except={['name', 'email', 'external_id']} />}
        <Field label="Name" error={error?.fieldError('name')}>
          <Input autoComplete="off" value={wish.name} onChange={({ target }) => set({ name: target.value })} />
        </Field>
        <Field label="Email" optional hint="The billing contact." error={error?.fieldError('email')}>
          <Input
            type="email"
            autoComplete="off"
            value={wish.email}
            onChange={({ target }) => set({ email: target.value.trim() })}
          />
        </Field>
        <Field
          label="External id"
          optional
          hint="After a change, calls that use the old id fail."
          error={isTaken ? error.message : error?.fieldError('external_id')}
        >
          <Input
            className="font-mono"
            {...AS_TYPED}
            value={wish.external_id}
            onChange={({ target }) => set({ external_id: target.value.trim() })}
          />
        </Field>
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Save details
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}
