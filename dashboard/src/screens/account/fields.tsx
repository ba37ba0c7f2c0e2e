import type { ApiError } from '../../api/problem.ts'
import { Field, Input } from '../../ui/field.tsx'

interface ProofFieldProps {
  readonly value: string
  readonly error: ApiError | null
  readonly onChange: (value: string) => void
  readonly autoFocus?: boolean
}

/** What is wrong with the password that was sent as proof. */
export const isProofError = (error: ApiError | null): boolean =>
  error?.code === 'wrong_password' || error?.code === 'invalid_code'

export function CurrentPassword({ value, error, onChange, name = 'password' }: ProofFieldProps & { name?: string }) {
  return (
    <Field
      label="Current password"
      error={error?.code === 'wrong_password' ? 'The password is wrong.' : error?.fieldError(name)}
    >
      <Input
        type="password"
        name={name}
        autoComplete="current-password"
        value={value}
        onChange={({ target }) => onChange(target.value)}
      />
    </Field>
  )
}

export function SecondFactorCode({
  value,
  error,
  onChange,
  autoFocus = false,
  hasBackup = true,
}: ProofFieldProps & { readonly hasBackup?: boolean }) {
  return (
    <Field
      label="Code"
      hint={`The 6 digits that your authenticator app shows${hasBackup ? ', or a backup code' : ''}.`}
      error={
        error?.code === 'invalid_code'
          ? 'The code is wrong, or was used already. Enter a new one.'
          : error?.fieldError('code')
      }
    >
      <Input
        name="code"
        autoComplete="one-time-code"
        className="font-mono"
        autoFocus={autoFocus}
        value={value}
        onChange={({ target }) => onChange(target.value)}
      />
    </Field>
  )
}
