import { useState } from 'react'
import { useChange, useRead } from '../../api/hooks.ts'
import type { Plan, PlanMoved } from '../../api/types.ts'
import { formatCount, formatNumber } from '../../lib/format.ts'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Confirm } from '../../ui/dialog.tsx'
import { Field, Select } from '../../ui/field.tsx'
import { Section } from '../../ui/layout.tsx'
import { Notice } from '../../ui/notice.tsx'
import { type Column, Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { describePrice } from './plans.tsx'

const COLUMNS: readonly Column<Plan>[] = [
  { name: 'Version', cell: ({ version }) => formatNumber(version), width: '6rem' },
  { name: 'Price', cell: describePrice },
  { name: 'Customers', cell: (plan) => formatNumber(plan.organization_count), width: '7rem', numeric: true },
  {
    name: 'Sold',
    width: '11rem',
    cell: ({ replaced_at: until }) =>
      until === null ? (
        <Status kind="good">Now</Status>
      ) : (
        <span>
          Until <Time at={until} />
        </span>
      ),
  },
]

/** Who pays for a plan stays on its version; here they are, and are moved. */
export function Versions({ plan }: { readonly plan: Plan }) {
  const { data, error, refetch } = useRead('GET /admin/plans/{plan_id}/versions', { params: { plan_id: plan.id } })
  const [isAsked, setAsked] = useState(false)
  const versions = data?.data ?? []
  const outdated = versions
    .filter(({ replaced_at }) => replaced_at !== null)
    .reduce((sum, { organization_count }) => sum + organization_count, 0)
  if (versions.length < 2) return null
  return (
    <Section
      title="Versions"
      intro="Paying customers stay on the version they bought until you move them."
      actions={outdated > 0 && <Button onClick={() => setAsked(true)}>Move customers</Button>}
    >
      <Table
        label="Versions"
        rows={data?.data}
        error={error}
        onRetry={() => void refetch()}
        columns={COLUMNS}
        rowId={({ version }) => String(version)}
        empty={null}
      />
      {isAsked && <MoveDialog plan={plan} outdated={outdated} onClose={() => setAsked(false)} />}
    </Section>
  )
}

interface MoveDialogProps {
  readonly plan: Plan
  readonly outdated: number
  readonly onClose: () => void
}

function MoveDialog({ plan, outdated, onClose }: MoveDialogProps) {
  const { mutate, data, error, isPending } = useChange('POST /admin/plans/{plan_id}/move')
  const [when, setWhen] = useState<'now' | 'period_end'>('period_end')
  const cursor = data?.next_cursor ?? undefined
  const move = () =>
    mutate(
      { params: { plan_id: plan.id }, body: { when, limit: 100, ...(cursor !== undefined && { cursor }) } },
      {
        onSuccess(done) {
          toast(`Moved ${formatNumber(done.moved)}`, describeRest(done))
          if (done.next_cursor === null && done.failed.length === 0) onClose()
        },
      },
    )
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Move ${formatCount(outdated, 'customer')} to version ${formatNumber(plan.version)}`}
      action={cursor === undefined ? 'Move customers' : 'Move the next 100'}
      busy={isPending}
      error={error}
      onConfirm={move}
    >
      <p>
        They keep their interval, currency, seats and add-ons. If the price is the same, the new limits take effect
        immediately.
      </p>
      <Field label="A different price starts">
        <Select value={when} onChange={({ target }) => setWhen(target.value === 'now' ? 'now' : 'period_end')}>
          <option value="period_end">When the paid period ends</option>
          <option value="now">Immediately, prorated</option>
        </Select>
      </Field>
      {data && data.failed.length > 0 && (
        <Notice kind="warn">
          {data.failed.map((one) => (
            <p key={one.organization_id}>{`${one.organization_id} stays: ${one.detail}`}</p>
          ))}
        </Notice>
      )}
    </Confirm>
  )
}

function describeRest({ scheduled, failed }: PlanMoved): string | undefined {
  const parts = [
    scheduled > 0 && `${formatNumber(scheduled)} move when their period ends.`,
    failed.length > 0 && `${formatNumber(failed.length)} stay where they are.`,
  ]
  return parts.filter(Boolean).join(' ') || undefined
}
