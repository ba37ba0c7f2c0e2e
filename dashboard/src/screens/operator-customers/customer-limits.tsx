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
import { type OwnMeters, readOwnMeters } from '../usage/meters.ts'
import { OrganizationLimits } from '../usage/organization-limits.tsx'
import { Thresholds } from '../usage/thresholds.tsx'
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
  const quotas = useRead('GET /quotas', { query: { organization_id: customer.id } })
  const versions = useRead('GET /admin/plans/{plan_id}/versions', { params: { plan_id: customer.plan } })
  const error = quotas.error ?? versions.error
  const plan = versions.data?.data.find(({ version }) => version === customer.plan_version)
  if (error)
    return <ErrorNotice error={error} onRetry={() => void Promise.all([quotas.refetch(), versions.refetch()])} />
  if (!quotas.data || !plan) return <Skeleton lines={8} />
  const own = readOwnMeters(quotas.data)
  return (
    <>
      <LimitTable customer={customer} planName={plan.name} rows={toRows(customer, plan, quotas.data)} own={own} />
      <OrganizationLimits quotas={quotas.data} />
      <Thresholds customer={customer.id} own={own} />
    </>
  )
}

interface LimitTableProps {
  readonly customer: AdminOrganization
  readonly planName: string
  readonly rows: readonly LimitRow[]
  readonly own: OwnMeters
}

function LimitTable({ customer, planName, rows, own }: LimitTableProps) {
  const [isEditing, setIsEditing] = useState(false)
  return (
    <Section
      title="Limits and overrides"
      intro={`The limits of the ${planName} plan, and this customer’s overrides.`}
      actions={<Button onClick={() => setIsEditing(true)}>Edit overrides</Button>}
    >
      <Table
        label="Limits and overrides"
        rows={rows}
        rowId={({ name }) => name}
        empty={null}
        columns={[
          { name: 'Limit', width: 'minmax(0,2fr)', cell: ({ label }) => label },
          { name: 'Plan', numeric: true, cell: (row) => format(row.name, row.plan, own) },
          {
            name: 'Override',
            numeric: true,
            cell: ({ name, override }) =>
              override === undefined ? (
                <span className="text-muted">–</span>
              ) : (
                <Badge strong>{format(name, override, own)}</Badge>
              ),
          },
          {
            name: 'In effect',
            numeric: true,
            cell: (row) => <span className="font-medium">{format(row.name, row.effective, own)}</span>,
          },
          {
            name: 'At the limit',
            width: '10rem',
            cell: ({ atLimit, effective }) =>
              effective === null ? '–' : atLimit === 'block' ? 'Refused' : 'Allowed as overage',
          },
        ]}
      />
      {isEditing && <EditLimits customer={customer} rows={rows} own={own} onClose={() => setIsEditing(false)} />}
    </Section>
  )
}

/** Limits that are of no meter. */
const COUNTS: ReadonlySet<string> = new Set(['rate_limit_per_minute', 'max_api_keys', 'max_concurrent'])

const format = (name: string, amount: number | null, own: OwnMeters): string => {
  if (amount === null) return 'No limit'
  return COUNTS.has(name) ? formatNumber(amount) : formatMeter(name, amount, own)
}

const toNumber = (amount: number | string | null | undefined): number | null =>
  amount === null || amount === undefined ? null : Number(amount)

function toRows({ limit_overrides }: AdminOrganization, { limits }: Plan, quotas: Quotas): LimitRow[] {
  const { meters: custom = {}, organization_limits: _limits, ...overrides } = limit_overrides
  const override = (name: keyof typeof overrides) => {
    const amount = overrides[name]
    return amount === undefined ? undefined : Number(amount)
  }
  const fixed = (name: 'rate_limit_per_minute' | 'max_api_keys' | 'max_concurrent', label: string) => ({
    name,
    label,
    plan: limits[name] ?? null,
    override: override(name),
    atLimit: 'block' as const,
  })
  return [
    { ...fixed('rate_limit_per_minute', 'Rate limit per key, per minute'), effective: quotas.rate_limit_per_minute },
    { ...fixed('max_api_keys', 'API keys'), effective: quotas.max_api_keys },
    { ...fixed('max_concurrent', 'Concurrent reservations'), effective: quotas.max_concurrent?.limit ?? null },
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
