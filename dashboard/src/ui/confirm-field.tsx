import { AS_TYPED, Field, Input } from './field.tsx'

interface ConfirmFieldProps {
  /** What has to be typed; `isSameName` compares. */
  readonly name: string
  readonly error?: string | undefined
  readonly value: string
  readonly onChange: (text: string) => void
}

/** Asks to type a name. The keyboard of a phone is told to leave it alone. */
export const ConfirmField = ({ name, error, value, onChange }: ConfirmFieldProps) => (
  <Field
    label={
      <>
        Type <span className="whitespace-pre-wrap wrap-anywhere">{name}</span> to confirm
      </>
    }
    error={error}
  >
    <Input {...AS_TYPED} value={value} onChange={({ target }) => onChange(target.value)} />
  </Field>
)
