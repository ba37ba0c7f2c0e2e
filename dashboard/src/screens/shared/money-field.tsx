import type { ReactNode } from 'react'
import { describeTypedMoney } from '../../lib/typed-number.ts'
import { Field, Input } from '../../ui/field.tsx'

interface AmountFieldProps extends MoneyFieldProps {
  readonly isMoney: boolean
}

interface MoneyFieldProps {
  readonly label: string
  readonly hint?: ReactNode
  readonly error?: string | undefined
  readonly optional?: boolean
  readonly placeholder?: string
  readonly autoFocus?: boolean
  readonly value: string
  readonly onChange: (text: string) => void
}

/** A field for US dollars. Below it stands what is read of the text: a comma means different things in different languages. */
export const MoneyField = (props: MoneyFieldProps) => <AmountField {...props} isMoney />

/** A field for an amount, which may be US dollars. */
export function AmountField(props: AmountFieldProps) {
  const { isMoney, hint, value, onChange, placeholder, autoFocus = false, ...field } = props
  const reading = isMoney ? describeTypedMoney(value) : undefined
  const note = reading ? (
    <>
      {hint} <span className="whitespace-nowrap tabular-nums">{`Entered: ${reading}`}</span>
    </>
  ) : (
    hint
  )
  return (
    <Field {...field} hint={note}>
      <Input
        autoFocus={autoFocus}
        inputMode="decimal"
        autoComplete="off"
        placeholder={placeholder}
        value={value}
        onChange={({ target }) => onChange(target.value)}
      />
    </Field>
  )
}

/** The same beside a field that is in a row with others. */
export function MoneyReading({ of: text }: { readonly of: string }) {
  const reading = describeTypedMoney(text)
  return reading && <span className="text-small text-muted tabular-nums">{reading}</span>
}
