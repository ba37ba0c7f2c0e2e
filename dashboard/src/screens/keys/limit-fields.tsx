import { X } from 'lucide-react'
import { Button, IconButton } from '../../ui/button.tsx'
import { Fieldset, Input, Select } from '../../ui/field.tsx'
import { MoneyReading } from '../shared/money-field.tsx'
import type { OwnMeters } from '../usage/meters.ts'
import { type LimitForm, metersWith, NEW_LIMIT, spansWith } from './limit-form.ts'

const MAX_LIMITS = 10

/** Says what the last field of a limit on requests means. */
export const COST_HINT = 'A limit with 0 units per request counts only requests that name it.'

interface LimitFieldsProps {
  readonly legend: string
  /** Whose units a limit counts that is not of each subject. */
  readonly of?: LimitHolder
  readonly hint: string
  readonly limits: readonly LimitForm[]
  readonly own: OwnMeters
  readonly onChange: (limits: readonly LimitForm[]) => void
  readonly error: string | undefined
}

/** Limits in addition to the rate limit, each with a name, a meter and a window or period of its own. */
export function LimitFields({ legend, of = 'key', hint, limits, own, onChange, error }: LimitFieldsProps) {
  const change = (at: number, changed: Partial<LimitForm>) =>
    onChange(limits.map((limit, index) => (index === at ? { ...limit, ...changed } : limit)))
  return (
    <Fieldset legend={legend} hint={hint}>
      {limits.map((limit, at) => (
        <LimitRow
          key={at}
          of={of}
          limit={limit}
          own={own}
          number={at + 1}
          onChange={(changed) => change(at, changed)}
          onRemove={() => onChange(limits.filter((_, index) => index !== at))}
        />
      ))}
      {error && (
        <p role="alert" className="text-small text-bad">
          {error}
        </p>
      )}
      {limits.length < MAX_LIMITS && (
        <Button className="self-start" onClick={() => onChange([...limits, NEW_LIMIT])}>
          {`Add ${NOUNS[of]}`}
        </Button>
      )}
    </Fieldset>
  )
}

type LimitHolder = 'key' | 'organization'

/** What fields call a limit: a form may have limits of both. */
const NOUNS: Readonly<Record<LimitHolder, string>> = { key: 'limit', organization: 'shared limit' }
const HOLDERS: Readonly<Record<LimitHolder, string>> = { key: 'for the key', organization: 'for all keys' }

interface LimitRowProps {
  readonly of: LimitHolder
  readonly limit: LimitForm
  readonly own: OwnMeters
  readonly number: number
  readonly onChange: (changed: Partial<LimitForm>) => void
  readonly onRemove: () => void
}

function LimitRow({ of, limit, own, number, onChange, onRemove }: LimitRowProps) {
  const { name, meter, limit: units, span, isPerSubject, cost } = limit
  const called = `${NOUNS[of]} ${number}`
  return (
    <div className="flex flex-wrap items-center gap-2 border-line border-l-2 pl-2">
      <Input
        aria-label={`Name of ${called}`}
        placeholder="Name, such as exports"
        className="max-sm:w-full sm:max-w-40"
        value={name}
        onChange={({ target }) => onChange({ name: target.value })}
      />
      <Input
        aria-label={`Units of ${called}`}
        placeholder="Units"
        inputMode="decimal"
        className="max-w-24"
        value={units}
        onChange={({ target }) => onChange({ limit: target.value })}
      />
      <Select
        aria-label={`Meter of ${called}`}
        className="max-w-36"
        value={meter}
        onChange={({ target }) => onChange({ meter: target.value })}
      >
        {metersWith(meter, own).map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </Select>
      {meter === 'cost_usd' && <MoneyReading of={units} />}
      <Select
        aria-label={`Window of ${called}`}
        className="max-w-36"
        value={span}
        onChange={({ target }) => onChange({ span: target.value })}
      >
        {spansWith(span).map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </Select>
      <Select
        aria-label={`What ${called} applies to`}
        className="max-w-40"
        value={isPerSubject ? 'subject' : of}
        onChange={({ target }) => onChange({ isPerSubject: target.value === 'subject' })}
      >
        <option value={of}>{HOLDERS[of]}</option>
        <option value="subject">for each subject</option>
      </Select>
      {meter === 'requests' && (
        <span className="flex items-center gap-2">
          <Input
            aria-label={`Units per request of ${called}`}
            inputMode="numeric"
            className="max-w-12"
            value={cost}
            onChange={({ target }) => onChange({ cost: target.value })}
          />
          per request
        </span>
      )}
      <IconButton label={`Remove ${called}`} onClick={onRemove}>
        <X aria-hidden />
      </IconButton>
    </div>
  )
}
