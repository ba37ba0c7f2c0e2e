import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import type { AdminOrganization } from '../../api/types.ts'
import { readTypedDecimal, readTypedNumber } from '../../lib/typed-number.ts'
import { Button } from '../../ui/button.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Form } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { COST_HINT, LimitFields } from '../keys/limit-fields.tsx'
import { type LimitForm, toLimit, toLimitForm } from '../keys/limit-form.ts'
import { AmountField } from '../shared/money-field.tsx'
import type { OwnMeters } from '../usage/meters.ts'
import type { LimitRow } from './customer-limits.tsx'

interface EditLimitsProps {
  readonly customer: AdminOrganization
  readonly rows: readonly LimitRow[]
  readonly own: OwnMeters
  readonly onClose: () => void
}

/** An empty field returns to the plan's limit. Only what was changed is sent. */
export function EditLimits({ customer, rows, own, onClose }: EditLimitsProps) {
  const [before] = useState(() => Object.fromEntries(rows.map((row) => [row.name, row.override?.toString() ?? ''])))
  const [namedBefore] = useState(() => (customer.limit_overrides.organization_limits ?? []).map(toLimitForm))
  const [named, setNamed] = useState<readonly LimitForm[]>(namedBefore)
  const [texts, setTexts] = useState<Readonly<Record<string, string>>>(before)
  const { mutate, error, isPending } = useChange('PUT /admin/organizations/{organization_id}/quotas')
  const isCustom = (one: string) => rows.some((row) => row.isCustom && row.name === one)
  function save(): void {
    const changed = Object.entries(texts).filter(([one, text]) => text !== before[one])
    const amounts = (of: typeof changed) => Object.fromEntries(of.map(([one, text]) => [one, toAmount(one, text)]))
    const ofOwn = changed.filter(([one]) => isCustom(one))
    const body = {
      ...amounts(changed.filter(([one]) => !isCustom(one))),
      ...(ofOwn.length > 0 && { meters: amounts(ofOwn) as Record<string, number | null> }),
      ...(isOther(named, namedBefore) && { organization_limits: named.map(toLimit) }),
    }
    mutate(
      { params: { organization_id: customer.id }, body },
      {
        onSuccess() {
          onClose()
          toast('Overrides saved', 'They take effect everywhere within two seconds.')
        },
      },
    )
  }
  return (
    <Dialog open onClose={onClose} title={`Limits of ${customer.name}`} side>
      <p className="text-muted">Leave a field empty to use the plan’s limit. Changes take effect within two seconds.</p>
      <Form onSubmit={save} className="max-w-none">
        <ErrorNotice error={error} except={[...rows.map(toField), NAMED]} />
        <div className="grid gap-4 sm:grid-cols-2">
          {rows.map((row) => (
            <AmountField
              key={row.name}
              isMoney={row.name === 'cost_usd'}
              label={labelWithUnit(row)}
              hint={`Plan: ${row.plan === null ? 'no limit' : row.plan.toLocaleString('en-US')}`}
              error={error?.fieldError(toField(row))}
              placeholder="Plan’s limit"
              value={texts[row.name] ?? ''}
              onChange={(text) => setTexts({ ...texts, [row.name]: text })}
            />
          ))}
        </div>
        <LimitFields
          legend="Limits of all keys together"
          of="organization"
          hint={`They replace the plan’s limits with the same name. The plan’s other limits still apply. ${COST_HINT}`}
          limits={named}
          own={own}
          onChange={setNamed}
          error={error?.fieldError(NAMED)}
        />
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={isPending}>
            Save overrides
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}

/** The field of limits that have names. */
const NAMED = 'organization_limits'

const isOther = (one: readonly LimitForm[], other: readonly LimitForm[]) =>
  JSON.stringify(one) !== JSON.stringify(other)

const toField = ({ name, isCustom }: LimitRow) => (isCustom ? `meters.${name}` : name)

const labelWithUnit = ({ name, label }: LimitRow) =>
  name === 'cost_usd' ? `${label} (USD)` : name === 'storage_gb' ? `${label} (GB)` : label

const toAmount = (name: string, text: string): number | string | null =>
  name === 'cost_usd' ? readTypedDecimal(text) || null : readTypedNumber(text)
