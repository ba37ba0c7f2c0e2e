import { type ReactNode, useState } from 'react'
import type { Answer, Input as InputOf, OperationName } from '../api/client.ts'
import { useChange } from '../api/hooks.ts'
import type { ApiError } from '../api/problem.ts'
import { Button } from '../ui/button.tsx'
import { Actions, Dialog } from '../ui/dialog.tsx'
import { Field, Form, Input } from '../ui/field.tsx'
import { ErrorNotice } from '../ui/notice.tsx'

interface Callbacks<Name extends OperationName> {
  readonly onSuccess?: (answer: Answer<Name>) => void
}

/** Errors that another password may mend. */
const OF_PASSWORD = new Set(['wrong_password', 'rate_limited'])

/**
 * Like `useChange`, for operations that the server refuses when the sign-in is too old: asks for the password and sends it
 * along. Put `stepUp` into the dialog or the screen that has the action.
 */
export function useStepUp<Name extends OperationName>(name: Name) {
  const { mutate: change, error, isPending, reset } = useChange(name)
  const [asked, setAsked] = useState<{ input: InputOf<Name>; callbacks: Callbacks<Name> }>()

  function run(input: InputOf<Name>, callbacks: Callbacks<Name>, inputWithPassword = input): void {
    change(inputWithPassword, {
      onSuccess(answer) {
        setAsked(undefined)
        callbacks.onSuccess?.(answer)
      },
      onError({ code }) {
        if (code === 'reauthentication_required') setAsked({ input, callbacks })
        else if (!OF_PASSWORD.has(code)) setAsked(undefined)
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
      onPassword={(password) => run(asked.input, asked.callbacks, addPassword(asked.input, password))}
    />
  )
  return {
    mutate: (input: InputOf<Name>, callbacks: Callbacks<Name> = {}) => run(input, callbacks),
    isPending,
    reset,
    error: asked || isAsking ? null : error,
    stepUp: stepUp as ReactNode,
  }
}

function addPassword<Name extends OperationName>(input: InputOf<Name>, password: string): InputOf<Name> {
  const body = 'body' in input ? (input.body as object) : {}
  return { ...input, body: { ...body, password } }
}

interface StepUpDialogProps {
  readonly busy: boolean
  readonly error: ApiError | null
  readonly onClose: () => void
  readonly onPassword: (password: string) => void
}

function StepUpDialog({ busy, error, onClose, onPassword }: StepUpDialogProps) {
  const [password, setPassword] = useState('')
  const isWrong = error?.code === 'wrong_password'
  return (
    <Dialog open onClose={onClose} title="Confirm that it is you">
      <Form onSubmit={() => onPassword(password)}>
        <p>You signed in more than 15 minutes ago. Enter your password to go on.</p>
        {!isWrong && <ErrorNotice error={error} except={['password']} />}
        <Field label="Your password" error={isWrong ? 'The password is wrong.' : error?.fieldError('password')}>
          <Input
            type="password"
            name="password"
            autoComplete="current-password"
            autoFocus
            value={password}
            onChange={({ target }) => setPassword(target.value)}
          />
        </Field>
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy} disabled={password === ''}>
            Confirm
          </Button>
        </Actions>
      </Form>
    </Dialog>
  )
}
