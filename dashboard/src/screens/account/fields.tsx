import type { ApiError } from '../../api/problem.ts'
import { useSession } from '../../shell/session-context.tsx'
import { SignInAgain } from '../../shell/sign-in-again.tsx'
import { Field, Input } from '../../ui/field.tsx'

interface ProofFieldProps {
  readonly value: string
  readonly error: ApiError | null
  readonly onChange: (value: string) => void
  readonly autoFocus?: boolean
}

/** What is wrong with the password that was sent as proof. */
export const isProofError = (error: ApiError | null): boolean =>
  error !== null && ['wrong_password', 'invalid_code', 'reauthentication_required'].includes(error.code)

/** The password as proof. Who has none gives none: they are asked to sign in again if that was too long ago. */
export function CurrentPassword({ value, error, onChange, name = 'password' }: ProofFieldProps & { name?: string }) {
  const { user } = useSession()
  if (user && !user.has_password) return error?.code === 'reauthentication_required' && <SignInAgain />
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
