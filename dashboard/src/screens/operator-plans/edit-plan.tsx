import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { useChange, useRead } from '../../api/hooks.ts'
import type { Plan } from '../../api/types.ts'
import { formatCount } from '../../lib/format.ts'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Actions, Confirm } from '../../ui/dialog.tsx'
import { Form } from '../../ui/field.tsx'
import { Facts, Page } from '../../ui/layout.tsx'
import { Link, textLink, useGo } from '../../ui/link.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { toast } from '../../ui/toast.tsx'
import { ChangedMeanwhile, useOpened } from '../shared/changed-meanwhile.tsx'
import { useMetersOfAll } from '../usage/own-meters.ts'
import { describePlanChanges, toPlanChanges } from './plan-changes.ts'
import { PLAN_FIELDS, PlanFields } from './plan-fields.tsx'
import { NEW_PLAN, toPlanBody, toPlanForm } from './plan-form.ts'
import { Versions } from './versions.tsx'

const above = (
  <Link to="/operator/plans" className={textLink}>
    Plans
  </Link>
)

export function NewPlan() {
  const [form, setForm] = useState(NEW_PLAN)
  const own = useMetersOfAll()
  const { mutate, error, isPending } = useChange('POST /admin/plans')
  const go = useGo()
  function create(): void {
    mutate(
      { body: toPlanBody(form) },
      {
        onSuccess() {
          toast('Plan created')
          go('/operator/plans')
        },
      },
    )
  }
  return (
    <Page title="Create plan" above={above}>
      <Form onSubmit={create}>
        <ErrorNotice error={error} except={PLAN_FIELDS} />
        <PlanFields form={form} onChange={(change) => setForm({ ...form, ...change })} error={error} own={own} isNew />
        <Actions>
          <Button onClick={() => go('/operator/plans')}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Create plan
          </Button>
        </Actions>
      </Form>
    </Page>
  )
}

export function EditPlan() {
  const { id = '' } = useParams({ strict: false }) as { id?: string }
  const { data: plan, error, refetch } = useRead('GET /admin/plans/{plan_id}', { params: { plan_id: id } })
  if (plan) return <Editor key={plan.id} plan={plan} />
  return (
    <Page title="Plan" above={above}>
      {error ? <ErrorNotice error={error} onRetry={() => void refetch()} /> : <Skeleton lines={6} />}
    </Page>
  )
}

function Editor({ plan }: { readonly plan: Plan }) {
  const { opened, setOpened, isOutdated } = useOpened(plan)
  const before = toPlanForm(opened)
  const [form, setForm] = useState(before)
  const [asked, setAsked] = useState<'save' | 'delete'>()
  const own = useMetersOfAll()
  const save = useChange('PATCH /admin/plans/{plan_id}')
  const changes = describePlanChanges(before, form, own)
  const close = () => setAsked(undefined)
  function reload(latest: Plan): void {
    setOpened(latest)
    setForm(toPlanForm(latest))
  }
  function confirm(): void {
    save.mutate(
      { params: { plan_id: plan.id }, body: toPlanChanges(before, form) },
      {
        onSuccess(saved) {
          reload(saved)
          toast('Plan changed', 'Customers who pay for an older version stay on it until you move them.')
        },
        onSettled: close,
      },
    )
  }
  return (
    <Page
      title={plan.name}
      state={<Badge>{plan.version === 1 ? plan.id : `${plan.id}, version ${plan.version}`}</Badge>}
      above={above}
      intro={`${formatCount(plan.organization_count, 'customer is', 'customers are')} on ${plan.version === 1 ? 'it' : 'this version'}.`}
      actions={<Button onClick={() => setAsked('delete')}>Delete plan</Button>}
    >
      {isOutdated && <ChangedMeanwhile onReload={() => reload(plan)} />}
      <Form onSubmit={() => changes.length > 0 && setAsked('save')}>
        <ErrorNotice error={save.error} except={PLAN_FIELDS} />
        <PlanFields
          form={form}
          onChange={(change) => setForm({ ...form, ...change })}
          error={save.error}
          own={own}
          isNew={false}
        />
        <Actions>
          <Button onClick={() => setForm(before)} disabled={changes.length === 0}>
            Undo changes
          </Button>
          <Button type="submit" look="primary" disabled={changes.length === 0}>
            Save plan
          </Button>
        </Actions>
      </Form>
      <Confirm
        open={asked === 'save'}
        onClose={close}
        title={`Change ${plan.name} for ${formatCount(plan.organization_count, 'customer')}`}
        action="Save plan"
        destructive={false}
        busy={save.isPending}
        onConfirm={confirm}
      >
        <Facts facts={changes.map(([name, from, to]) => [name, `${from} → ${to}`] as const)} />
        <p>
          If customers pay for the plan, changes to limits, features, prices, credits or markup create a new version. It
          is sold from now on, and paying customers keep their version. Other changes take effect for all customers
          within two seconds.
        </p>
      </Confirm>
      <Versions plan={plan} />
      {asked === 'delete' && <DeletePlan plan={plan} onClose={close} />}
    </Page>
  )
}

function DeletePlan({ plan, onClose }: { readonly plan: Plan; readonly onClose: () => void }) {
  const { mutate, error, isPending } = useChange('DELETE /admin/plans/{plan_id}')
  const go = useGo()
  function remove(): void {
    mutate(
      { params: { plan_id: plan.id } },
      {
        onSuccess() {
          toast('Plan deleted')
          go('/operator/plans')
        },
      },
    )
  }
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Delete ${plan.name}`}
      action="Delete plan"
      typed={plan.id}
      busy={isPending}
      error={error}
      onConfirm={remove}
    >
      <p>You cannot delete a plan that has customers. Remove it from the catalog instead.</p>
    </Confirm>
  )
}
