import { canUsePasskeys, proveByPasskey } from '../../account/passkey.ts'
import { useSubmit } from '../../account/use-submit.ts'
import { useRead } from '../../api/hooks.ts'
import type { ApiError } from '../../api/problem.ts'
import type { SecondFactor } from '../../api/session.ts'
import type { PasskeyAssertion } from '../../api/types.ts'
import { useSession } from '../../shell/session-context.tsx'
import { SignInAgain } from '../../shell/sign-in-again.tsx'
import { Button } from '../../ui/button.tsx'
import { Field, Input } from '../../ui/field.tsx'
import { ErrorNotice, Notice } from '../../ui/notice.tsx'

interface ProofFieldProps {
  readonly value: string
  readonly error: ApiError | null
  readonly onChange: (value: string) => void
}

/** What is wrong with the password that was sent as proof. */
export const isProofError = (error: ApiError | null): boolean =>
  error !== null &&
  ['wrong_password', 'invalid_code', 'invalid_passkey', 'reauthentication_required'].includes(error.code)

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

export const NO_FACTOR: SecondFactor = { code: '' }

interface SecondFactorFieldProps {
  readonly value: SecondFactor
  readonly error: ApiError | null
  readonly onChange: (value: SecondFactor) => void
  readonly autoFocus?: boolean
  /** What is set up is proved by its own code alone. */
  readonly isNew?: boolean
}

/** The second factor as proof: a code, or a passkey of somebody who has one. */
export function SecondFactorField({
  value,
  error,
  onChange,
  autoFocus = false,
  isNew = false,
}: SecondFactorFieldProps) {
  const isCode = 'code' in value
  const isRefused = error?.code === 'invalid_passkey'
  return (
    <div className="flex flex-col gap-2">
      {isCode || isRefused ? (
        <Field
          label="Code"
          hint={`The 6-digit code from your authenticator app${isNew ? '' : ', or a backup code'}.`}
          error={wrongFactor(error)}
        >
          <Input
            name="code"
            autoComplete="one-time-code"
            className="font-mono"
            autoFocus={autoFocus}
            value={isCode ? value.code : ''}
            onChange={({ target }) => onChange({ code: target.value })}
          />
        </Field>
      ) : (
        <Notice kind="good">Your passkey is used as the second factor.</Notice>
      )}
      {!isNew && (isCode || isRefused) && <PasskeyInstead onProof={(passkey) => onChange({ passkey })} />}
    </div>
  )
}

function wrongFactor(error: ApiError | null): string | undefined {
  if (error?.code === 'invalid_passkey') return 'The passkey was not accepted. Use it again, or enter a code.'
  if (error?.code === 'invalid_code') return 'The code is wrong or was already used. Enter a new one.'
  return error?.fieldError('code')
}

function PasskeyInstead({ onProof }: { readonly onProof: (passkey: PasskeyAssertion) => void }) {
  const { data } = useRead('GET /auth/passkeys')
  const { busy, error, submit } = useSubmit(async () => onProof(await proveByPasskey()))
  if (!canUsePasskeys() || !data?.data.some((one) => one.works_here)) return null
  return (
    <div className="flex flex-col gap-2">
      <div>
        <Button look="quiet" busy={busy} onClick={submit}>
          Use a passkey instead
        </Button>
      </div>
      <ErrorNotice error={error} />
    </div>
  )
}
