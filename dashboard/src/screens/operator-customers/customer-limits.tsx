import { useState } from 'react'
import { useRead } from '../../api/hooks.ts'
import type { AdminOrganization, Plan, Quotas } from '../../api/types.ts'
import { formatNumber } from '../../lib/format.ts'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Section } from '../../ui/layout.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { Table } from '../../ui/table.tsx'
import { EditLimits } from './edit-limits.tsx'
import { formatMeter, METERS, meterName } from './meters.ts'

/** A limit as the plan has it and as this customer has it. Amounts are null for no limit. */
export interface LimitRow {
  readonly name: string
  /** Whether it is of a meter that you defined: requests have it beside the others. */
  readonly isCustom?: true
  readonly label: string
  readonly plan: number | null
  readonly override: number | undefined
  readonly effective: number | null
  readonly atLimit: 'block' | 'allow'
}

export function CustomerLimits({ customer }: { readonly customer: AdminOrganization }) {
  const [isEditing, setIsEditing] = useState(false)
  const quotas = useRead('GET /quotas', { query: { organization_id: customer.id } })
  const plan = useRead('GET /admin/plans/{plan_id}', { params: { plan_id: customer.plan } })
  const error = quotas.error ?? plan.error
  if (error) return <ErrorNotice error={error} onRetry={() => void Promise.all([quotas.refetch(), plan.refetch()])} />
  if (!quotas.data || !plan.data) return <Skeleton lines={8} />
  const rows = toRows(customer, plan.data, quotas.data)
  return (
    <Section
      title="Limits and overrides"
      intro={`What ${plan.data.name} says, and what holds for this customer alone.`}
      actions={<Button onClick={() => setIsEditing(true)}>Edit overrides</Button>}
    >
      <Table
        label="Limits and overrides"
        rows={rows}
        rowId={({ name }) => name}
        empty={null}
        columns={[
          { name: 'Limit', width: 'minmax(0,2fr)', cell: ({ label }) => label },
          { name: 'Plan', numeric: true, cell: (row) => format(row.name, row.plan) },
          {
            name: 'Override',
            numeric: true,
            cell: ({ name, override }) =>
              override === undefined ? (
                <span className="text-muted">–</span>
              ) : (
                <Badge strong>{format(name, override)}</Badge>
              ),
          },
          {
            name: 'Holds now',
            numeric: true,
            cell: (row) => <span className="font-medium">{format(row.name, row.effective)}</span>,
          },
          {
            name: 'At the limit',
            width: '10rem',
            cell: ({ atLimit, effective }) =>
              effective === null ? '–' : atLimit === 'block' ? 'Refuses' : 'Goes on, as overage',
          },
        ]}
      />
      {isEditing && (
        <EditLimits customerId={customer.id} name={customer.name} rows={rows} onClose={() => setIsEditing(false)} />
      )}
    </Section>
  )
}

const format = (name: string, amount: number | null): string => {
  if (amount === null) return 'No limit'
  return name === 'rate_limit_per_minute' || name === 'max_api_keys' ? formatNumber(amount) : formatMeter(name, amount)
}

const toNumber = (amount: number | string | null | undefined): number | null =>
  amount === null || amount === undefined ? null : Number(amount)

function toRows({ limit_overrides }: AdminOrganization, { limits }: Plan, quotas: Quotas): LimitRow[] {
  const { meters: custom = {}, ...overrides } = limit_overrides
  const override = (name: keyof typeof overrides) => {
    const amount = overrides[name]
    return amount === undefined ? undefined : Number(amount)
  }
  const fixed = (name: 'rate_limit_per_minute' | 'max_api_keys', label: string): LimitRow => ({
    name,
    label,
    plan: limits[name],
    override: override(name),
    effective: quotas[name],
    atLimit: 'block',
  })
  return [
    fixed('rate_limit_per_minute', 'Rate limit of a key, a minute'),
    fixed('max_api_keys', 'API keys'),
    ...METERS.map((name) => ({
      name,
      label: meterName(name),
      plan: toNumber(limits.meters[name]?.limit),
      override: override(name),
      effective: toNumber(quotas.meters[name].limit),
      atLimit: limits.meters[name]?.at_limit ?? ('block' as const),
    })),
    ...Object.entries(quotas.meters)
      .filter(([slug]) => !(METERS as readonly string[]).includes(slug))
      .map(([slug, reading]): LimitRow => {
        const planned = limits.meters[slug]
        return {
          name: slug,
          isCustom: true,
          label: reading?.name ?? slug,
          plan: toNumber(planned?.limit),
          override: custom[slug],
          effective: toNumber(reading?.limit),
          atLimit: planned?.at_limit ?? 'block',
        }
      }),
  ]
}
