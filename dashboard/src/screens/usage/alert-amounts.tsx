import { X } from 'lucide-react'
import { useState } from 'react'
import { useChange } from '../../api/hooks.ts'
import type { AlertThresholds } from '../../api/types.ts'
import { readTypedNumber } from '../../lib/typed-number.ts'
import { Button, IconButton } from '../../ui/button.tsx'
import { Fieldset, Form, Input, Select } from '../../ui/field.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { toast } from '../../ui/toast.tsx'
import { MoneyReading } from '../shared/money-field.tsx'
import { BUILT_IN_METERS, describeAmount, meterName, type OwnMeters } from './meters.ts'

export type Amount = AlertThresholds['amounts'][number]

/** An amount as it is typed. */
interface AmountForm {
  readonly meter: string
  readonly kind: Amount['kind']
  readonly amount: string
}

const MAX_AMOUNTS = 20
const NEW: AmountForm = { meter: 'cost_usd', kind: 'usage', amount: '' }

const HINT =
  'An amount can be set for a meter without a limit. Each one is announced once per period. “Above the limit” counts usage beyond what is included. Cost is in US dollars.'

/** An amount as a sentence says it: `$25.00`, or `100 API calls above the limit`. */
export const describeAlertAmount = ({ meter, kind, amount }: Amount, own: OwnMeters): string =>
  `${describeAmount(meter, amount, own)}${kind === 'overage' ? ' above the limit' : ''}`

interface AlertAmountsProps {
  readonly amounts: readonly Amount[]
  readonly own: OwnMeters
  /** How a request names the organization. */
  readonly query: { readonly organization_id?: string }
}

const toForm = ({ meter, kind, amount }: Amount): AmountForm => ({ meter, kind, amount: String(Number(amount)) })

/** At which amounts people are told. Mounted again when others are saved. */
export function AlertAmounts({ amounts, own, query }: AlertAmountsProps) {
  const saved = amounts.map((one) => toForm(one))
  const [rows, setRows] = useState<readonly AmountForm[]>(saved)
  const { mutate, isPending, error } = useChange('PUT /usage/alerts/thresholds')
  const change = (at: number, changed: Partial<AmountForm>) =>
    setRows(rows.map((row, index) => (index === at ? { ...row, ...changed } : row)))
  const save = () => {
    const typed = rows.map((row) => ({ ...row, amount: readTypedNumber(row.amount) ?? '' }))
    mutate({ query, body: { amounts: typed } }, { onSuccess: () => toast('Amounts saved') })
  }
  return (
    <Form onSubmit={save}>
      <Fieldset legend="Amounts" hint={HINT}>
        {rows.map((row, at) => (
          <AmountRow
            key={at}
            row={row}
            own={own}
            number={at + 1}
            error={error?.fieldError(`amounts.${at}`)}
            onChange={(changed) => change(at, changed)}
            onRemove={() => setRows(rows.filter((_, index) => index !== at))}
          />
        ))}
        {rows.length < MAX_AMOUNTS && (
          <Button className="self-start" onClick={() => setRows([...rows, NEW])}>
            Add amount
          </Button>
        )}
      </Fieldset>
      <ErrorNotice error={error} except={rows.map((_, at) => `amounts.${at}`)} />
      <Button type="submit" look="primary" busy={isPending} disabled={JSON.stringify(rows) === JSON.stringify(saved)}>
        Save amounts
      </Button>
    </Form>
  )
}

interface AmountRowProps {
  readonly row: AmountForm
  readonly own: OwnMeters
  readonly number: number
  readonly error: string | undefined
  readonly onChange: (changed: Partial<AmountForm>) => void
  readonly onRemove: () => void
}

function AmountRow({ row, own, number, error, onChange, onRemove }: AmountRowProps) {
  const slugs = new Set([...BUILT_IN_METERS, ...Object.keys(own), row.meter])
  return (
    <div className="flex flex-col gap-1.5 border-line border-l-2 pl-2">
      <div className="flex flex-wrap items-center gap-2">
        <Input
          aria-label={`Amount ${number}`}
          aria-invalid={error !== undefined || undefined}
          placeholder="Amount"
          inputMode="decimal"
          autoComplete="off"
          className="max-w-24"
          value={row.amount}
          onChange={({ target }) => onChange({ amount: target.value })}
        />
        <Select
          aria-label={`Meter of amount ${number}`}
          className="max-w-36"
          value={row.meter}
          onChange={({ target }) => onChange({ meter: target.value })}
        >
          {[...slugs].map((slug) => (
            <option key={slug} value={slug}>
              {meterName(slug, own)}
            </option>
          ))}
        </Select>
        {row.meter === 'cost_usd' && <MoneyReading of={row.amount} />}
        <Select
          aria-label={`What amount ${number} counts`}
          className="max-w-40"
          value={row.kind}
          onChange={({ target }) => onChange({ kind: target.value === 'overage' ? 'overage' : 'usage' })}
        >
          <option value="usage">used in a period</option>
          <option value="overage">above the limit</option>
        </Select>
        <IconButton label={`Remove amount ${number}`} onClick={onRemove}>
          <X aria-hidden />
        </IconButton>
      </div>
      {error && (
        <p role="alert" className="text-small text-bad">
          {error}
        </p>
      )}
    </div>
  )
}
