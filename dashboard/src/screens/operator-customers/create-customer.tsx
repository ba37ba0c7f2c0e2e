import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import { Button } from '../../ui/button.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { AS_TYPED, Field, Form, Input, Select } from '../../ui/field.tsx'
import { useGo } from '../../ui/link.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'

interface CreateCustomerProps {
  readonly open: boolean
  readonly onClose: () => void
  readonly plans: readonly { readonly id: string; readonly name: string }[]
}

export const CreateCustomer = ({ open, onClose, plans }: CreateCustomerProps) => (
  <Dialog open={open} onClose={onClose} title="Create customer">
    <Contents onClose={onClose} plans={plans} />
  </Dialog>
)

function Contents({ onClose, plans }: Omit<CreateCustomerProps, 'open'>) {
  const [wish, setWish] = useState({ name: '', external_id: '', email: '', plan: '' })
  const { mutate, error, isPending } = useChange('POST /admin/organizations')
  const go = useGo()
  const set = (changed: Partial<typeof wish>) => setWish({ ...wish, ...changed })
  function create(): void {
    const { name, external_id, email, plan } = wish
    const body = { name, ...(external_id && { external_id }), ...(email && { email }), ...(plan && { plan }) }
    mutate(
      { body },
      {
        onSuccess({ id }) {
          onClose()
          toast('Customer created')
          go(`/operator/customers/${id}`)
        },
      },
    )
  }
  const isTaken = error?.code === 'external_id_taken'
  return (
    <Form onSubmit={create}>
      {!isTaken && <ErrorNotice error={error} except={['name', 'external_id', 'email', 'plan']} />}
      <Field label="Name" error={error?.fieldError('name')}>
        <Input autoFocus autoComplete="off" value={wish.name} onChange={({ target }) => set({ name: target.value })} />
      </Field>
      <Field
        label="External id"
        optional
        hint="Your own id for the customer. Calls with a service key can use it to name the customer."
        error={isTaken ? error.message : error?.fieldError('external_id')}
      >
        <Input
          className="font-mono"
          {...AS_TYPED}
          value={wish.external_id}
          onChange={({ target }) => set({ external_id: target.value.trim() })}
        />
      </Field>
      <Field label="Email" optional hint="The billing contact." error={error?.fieldError('email')}>
        <Input
          type="email"
          autoComplete="off"
          value={wish.email}
          onChange={({ target }) => set({ email: target.value.trim() })}
        />
      </Field>
      <Field label="Plan" error={error?.fieldError('plan')}>
        <Select value={wish.plan || plans[0]?.id} onChange={({ target }) => set({ plan: target.value })}>
          {plans.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </Select>
      </Field>
      <Actions>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" look="primary" busy={isPending}>
          Create customer
        </Button>
      </Actions>
    </Form>
  )
}
