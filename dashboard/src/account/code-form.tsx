import { useState } from 'react'
import { Button } from '../ui/button.tsx'
import { Field, Form, Input } from '../ui/field.tsx'
import { ErrorNotice } from '../ui/notice.tsx'
import { useSubmit } from './use-submit.ts'

interface CodeFormProps {
  readonly label?: string
  readonly hint: string
  /** What the button says. */
  readonly action: string
  /** What stands at the field when the code is wrong; by default the server's words stand above the form. */
  readonly wrong?: string
  readonly isNumeric?: boolean
  readonly onCode: (code: string) => Promise<void>
}

/** Asks for a code that signs in. */
export function CodeForm({ label = 'Code', hint, action, wrong, isNumeric = true, onCode }: CodeFormProps) {
  const [code, setCode] = useState('')
  const { busy, error, submit } = useSubmit(() => onCode(code.trim()))
  const isWrong = wrong !== undefined && error?.code === 'invalid_code'
  return (
    <Form onSubmit={submit}>
      {!isWrong && <ErrorNotice error={error} except={['code']} />}
      <Field label={label} hint={hint} error={isWrong ? wrong : error?.fieldError('code')}>
        <Input
          name="code"
          autoFocus
          autoComplete="one-time-code"
          inputMode={isNumeric ? 'numeric' : 'text'}
          className="font-mono"
          value={code}
          onChange={({ target }) => setCode(target.value)}
        />
      </Field>
      <Button type="submit" look="primary" wide busy={busy}>
        {action}
      </Button>
    </Form>
  )
}
