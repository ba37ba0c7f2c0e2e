import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import { Button } from '../../ui/button.tsx'
import { Actions, Dialog } from '../../ui/dialog.tsx'
import { Field, Form, Input } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import type { LimitRow } from './customer-limits.tsx'

interface EditLimitsProps {
  readonly customerId: string
  readonly name: string
  readonly rows: readonly LimitRow[]
  readonly onClose: () => void
}

/** An empty field returns to the plan's limit. Only what was changed is sent. */
export function EditLimits({ customerId, name, rows, onClose }: EditLimitsProps) {
  const before = Object.fromEntries(rows.map((row) => [row.name, row.override?.toString() ?? '']))
  const [texts, setTexts] = useState<Readonly<Record<string, string>>>(before)
  const { mutate, error, isPending } = useChange('PUT /admin/organizations/{organization_id}/quotas')
  const isCustom = (one: string) => rows.some((row) => row.isCustom && row.name === one)
  function save(): void {
    const changed = Object.entries(texts).filter(([one, text]) => text !== before[one])
    const amounts = (of: typeof changed) => Object.fromEntries(of.map(([one, text]) => [one, toAmount(one, text)]))
    const own = changed.filter(([one]) => isCustom(one))
    const body = {
      ...amounts(changed.filter(([one]) => !isCustom(one))),
      ...(own.length > 0 && { meters: amounts(own) as Record<string, number | null> }),
    }
    mutate(
      { params: { organization_id: customerId }, body },
      {
        onSuccess() {
          onClose()
          toast('Overrides saved', 'They hold everywhere within two seconds.')
        },
      },
    )
  }
  return (
    <Dialog open onClose={onClose} title={`Limits of ${name}`} side>
      <p className="text-muted">An empty field has the limit of the plan. Changes hold within two seconds.</p>
      <Form onSubmit={save} className="max-w-none">
        <ErrorNotice error={error} except={rows.map(toField)} />
        <div className="grid gap-4 sm:grid-cols-2">
          {rows.map((row) => (
            <Field
              key={row.name}
              label={labelWithUnit(row)}
              hint={`Plan: ${row.plan === null ? 'no limit' : row.plan.toLocaleString('en-US')}`}
              error={error?.fieldError(toField(row))}
            >
              <Input
                inputMode="decimal"
                autoComplete="off"
                placeholder="As in the plan"
                value={texts[row.name] ?? ''}
                onChange={({ target }) => setTexts({ ...texts, [row.name]: target.value.replaceAll(/[\s,]/g, '') })}
              />
            </Field>
          ))}
        </div>
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

const toField = ({ name, isCustom }: LimitRow) => (isCustom ? `meters.${name}` : name)

const labelWithUnit = ({ name, label }: LimitRow) =>
  name === 'cost_usd' ? `${label} (USD)` : name === 'storage_gb' ? `${label} (GB)` : label

/** Money stays text, so that no digit is lost. Text that is no number is sent as it is, and the server says so. */
function toAmount(name: string, text: string): number | string | null {
  if (text === '') return null
  const amount = Number(text)
  return name === 'cost_usd' || Number.isNaN(amount) ? text : amount
}
