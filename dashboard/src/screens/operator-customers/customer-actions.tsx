import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import type { AdminOrganization } from '../../api/types.ts'
import { Button } from '../../ui/button.tsx'
import { Actions, Confirm, Dialog } from '../../ui/dialog.tsx'
import { Field, Form, Input, Select, Textarea } from '../../ui/field.tsx'
import { useGo } from '../../ui/link.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { EditCustomer } from './edit-customer.tsx'
import { usePlans } from './plans.ts'

export type CustomerActionName = 'plan' | 'edit' | 'suspend' | 'resume' | 'delete'

export interface ActionProps {
  readonly customer: AdminOrganization
  readonly onClose: () => void
}

const ACTIONS = { plan: ChangePlan, edit: EditCustomer, suspend: Suspend, resume: Resume, delete: Delete } as const

/** The dialog of one action on a customer. */
export function CustomerAction({ name, ...rest }: ActionProps & { readonly name: CustomerActionName }) {
  const Action = ACTIONS[name]
  return <Action {...rest} />
}

function ChangePlan({ customer, onClose }: ActionProps) {
  const { plans, planName } = usePlans()
  const [plan, setPlan] = useState(customer.plan)
  const [reason, setReason] = useState('')
  const { mutate, error, isPending } = useChange('PUT /admin/organizations/{organization_id}/plan')
  const change = () =>
    mutate(
      { params: { organization_id: customer.id }, body: { plan, ...(reason && { reason }) } },
      {
        onSuccess() {
          onClose()
          toast(`${customer.name} is now on ${planName(plan)}`)
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title={`Change the plan of ${customer.name}`}>
      <Form onSubmit={change}>
        <ErrorNotice error={error} except={['plan', 'reason']} />
        <Field
          label="Plan"
          hint="Its limits take effect within two seconds. Overrides are kept. Nothing changes at the payment provider."
          error={error?.fieldError('plan')}
        >
          <Select value={plan} onChange={({ target }) => setPlan(target.value)}>
            {plans.map(({ id, name }) => (
              <option key={id} value={id}>
                {id === customer.plan ? `${name} (now)` : name}
              </option>
            ))}
          </Select>
        </Field>
        <Field label="Reason" optional hint="Kept in the audit log." error={error?.fieldError('reason')}>
          <Input value={reason} onChange={({ target }) => setReason(target.value)} />
        </Field>
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending} disabled={plan === customer.plan}>
            Change plan
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}

function Suspend({ customer, onClose }: ActionProps) {
  const [reason, setReason] = useState('')
  const { mutate, error, isPending } = useChange('PUT /admin/organizations/{organization_id}/suspension')
  const suspend = () =>
    mutate(
      { params: { organization_id: customer.id }, body: { suspended: true, ...(reason && { reason }) } },
      {
        onSuccess() {
          onClose()
          toast(`${customer.name} is suspended`)
        },
      },
    )
  return (
    <Dialog open onClose={onClose} title={`Suspend ${customer.name}`}>
      <Form onSubmit={suspend}>
        <p>
          All keys of this customer are refused within two seconds, until you resume the customer. Nothing is deleted.
        </p>
        <ErrorNotice error={error} except={['reason']} />
        <Field label="Reason" hint="Owners of the organization see it." error={error?.fieldError('reason')}>
          <Textarea autoFocus value={reason} onChange={({ target }) => setReason(target.value)} />
        </Field>
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="danger" busy={isPending}>
            Suspend customer
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}

function Resume({ customer, onClose }: ActionProps) {
  const { mutate, error, isPending } = useChange('PUT /admin/organizations/{organization_id}/suspension')
  const resume = () =>
    mutate(
      { params: { organization_id: customer.id }, body: { suspended: false } },
      {
        onSuccess() {
          onClose()
          toast(`${customer.name} is active again`)
        },
      },
    )
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Resume ${customer.name}`}
      action="Resume customer"
      destructive={false}
      onConfirm={resume}
      busy={isPending}
      error={error}
    >
      <p>Its keys work again within two seconds. It was suspended for: {customer.suspended_reason ?? 'no reason'}.</p>
    </Confirm>
  )
}

function Delete({ customer, onClose }: ActionProps) {
  const { mutate, error, isPending } = useChange('DELETE /admin/organizations/{organization_id}')
  const go = useGo()
  const remove = () =>
    mutate(
      { params: { organization_id: customer.id } },
      {
        onSuccess() {
          toast(`${customer.name} was deleted`)
          go('/operator/customers')
        },
      },
    )
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Delete ${customer.name}`}
      action="Delete customer"
      typed={customer.name}
      onConfirm={remove}
      busy={isPending}
      error={error}
    >
      <p>
        Its keys stop working within two seconds, and its owners are notified by email. Members lose access but keep
        their accounts. Keys, webhooks and individual usage events are permanently deleted. Usage totals and the audit
        log are kept.
      </p>
    </Confirm>
  )
}
