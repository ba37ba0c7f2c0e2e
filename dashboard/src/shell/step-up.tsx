import { type ReactNode, useState } from 'react'
import type { Answer, Input as InputOf, OperationName } from '../api/client.ts'
import { isTemporary, useChange } from '../api/hooks.ts'
import type { ApiError } from '../api/problem.ts'
import { Button } from '../ui/button.tsx'
import { Actions, Dialog } from '../ui/dialog.tsx'
import { Field, Form, Input } from '../ui/field.tsx'
import { ErrorNotice } from '../ui/notice.tsx'
import { ByPasskey } from './by-passkey.tsx'
import { useSession } from './session-context.tsx'
import { SignInAgain } from './sign-in-again.tsx'

interface Callbacks<Name extends OperationName> {
  readonly onSuccess?: (answer: Answer<Name>) => void
}

/** Either one shows that the person is present; nothing does once a passkey has made the session fresh. */
type Proof = { readonly password: string } | { readonly code: string } | Record<string, never>

/** Errors that another password or code may mend. After a temporary one, the same may be confirmed once more. */
const OF_PROOF = new Set(['wrong_password', 'invalid_code', 'two_factor_locked', 'rate_limited'])

/**
 * Like `useChange`, for operations that the server refuses when the sign-in is too old: asks for the password, or a code, and
 * sends it along. Put `stepUp` into the dialog or the screen that has the action.
 */
export function useStepUp<Name extends OperationName>(name: Name, { allowsCode = false } = {}) {
  const { mutate: change, data, error, isPending, reset } = useChange(name)
  const [asked, setAsked] = useState<{ input: InputOf<Name>; callbacks: Callbacks<Name> }>()

  function run(input: InputOf<Name>, callbacks: Callbacks<Name>, inputWithProof = input): void {
    change(inputWithProof, {
      onSuccess(answer) {
        setAsked(undefined)
        callbacks.onSuccess?.(answer)
      },
      onError(error) {
        if (error.code === 'reauthentication_required') setAsked({ input, callbacks })
        else if (!OF_PROOF.has(error.code) && !isTemporary(error)) setAsked(undefined)
      },
    })
  }
  function close(): void {
    setAsked(undefined)
    reset()
  }
  const isAsking = error?.code === 'reauthentication_required'
  const stepUp = asked && (
    <StepUpDialog
      busy={isPending}
      error={isAsking ? null : error}
      onClose={close}
      allowsCode={allowsCode}
      onProof={(proof) => run(asked.input, asked.callbacks, addProof(asked.input, proof))}
    />
  )
  return {
    mutate: (input: InputOf<Name>, callbacks: Callbacks<Name> = {}) => run(input, callbacks),
    data,
    isPending,
    reset,
    error: asked || isAsking ? null : error,
    stepUp: stepUp as ReactNode,
  }
}

function addProof<Name extends OperationName>(input: InputOf<Name>, proof: Proof): InputOf<Name> {
  const body = 'body' in input ? (input.body as object) : {}
  return { ...input, body: { ...body, ...proof } }
}

interface StepUpDialogProps {
  readonly busy: boolean
  readonly error: ApiError | null
  readonly onClose: () => void
  /** Whether the operation also takes a code of the second factor. */
  readonly allowsCode: boolean
  readonly onProof: (proof: Proof) => void
}

/** Asks for what the person has: a password, a code, or a new sign-in. */
function StepUpDialog({ allowsCode, ...props }: StepUpDialogProps) {
  const { user } = useSession()
  const hasPassword = user?.has_password ?? true
  const hasCode = allowsCode && user?.two_factor_enabled === true
  if (hasPassword || hasCode) return <ProofDialog {...props} hasPassword={hasPassword} hasCode={hasCode} />
  return (
    <Dialog open onClose={props.onClose} title="Confirm that it is you">
      <SignInAgain />
      <ByPasskey onProved={() => props.onProof({})} />
    </Dialog>
  )
}

type ProofDialogProps = Omit<StepUpDialogProps, 'allowsCode'> & Readonly<Record<'hasPassword' | 'hasCode', boolean>>

function ProofDialog({ busy, error, onClose, hasPassword, hasCode, onProof }: ProofDialogProps) {
  const [text, setText] = useState('')
  const [isCode, setIsCode] = useState(!hasPassword)
  const field = isCode ? 'code' : 'password'
  const isWrong = error?.code === (isCode ? 'invalid_code' : 'wrong_password')
  const wrong = isCode ? 'The code is wrong, or was used before.' : 'The password is wrong.'
  function toggle(): void {
    setIsCode(!isCode)
    setText('')
  }
  return (
    <Dialog open onClose={onClose} title="Confirm that it is you">
      <Form onSubmit={() => onProof(isCode ? { code: text.trim() } : { password: text })}>
        <p>You signed in more than 15 minutes ago. Enter your {field} to continue.</p>
        {!isWrong && <ErrorNotice error={error} except={[field]} />}
        <Field
          key={field}
          label={isCode ? 'Second-factor code' : 'Your password'}
          error={isWrong ? wrong : error?.fieldError(field)}
        >
          <Input
            type={isCode ? 'text' : 'password'}
            name={field}
            autoComplete={isCode ? 'one-time-code' : 'current-password'}
            autoFocus
            value={text}
            onChange={({ target }) => setText(target.value)}
          />
        </Field>
        <ByPasskey onProved={() => onProof({})} />
        <Actions>
          {hasPassword && hasCode && (
            <Button look="quiet" onClick={toggle}>
              {isCode ? 'Use your password' : 'Use a code instead'}
            </Button>
          )}
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy} disabled={text === ''}>
            Confirm
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}
