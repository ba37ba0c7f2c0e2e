import {
  createContext,
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useContext,
  useId,
} from 'react'
import { classes } from './class.ts'

interface FieldIds {
  readonly id: string
  readonly describedBy: string | undefined
  readonly invalid: boolean
}

const FieldContext = createContext<FieldIds | undefined>(undefined)

interface FieldProps {
  readonly label: ReactNode
  readonly hint?: ReactNode
  /** What is wrong, as a sentence. It takes the place of the hint. */
  readonly error?: string | undefined
  readonly optional?: boolean
  readonly children: ReactNode
}

/** A label, one control, and below it a hint or what is wrong. */
export function Field({ label, hint, error, optional = false, children }: FieldProps) {
  const id = useId()
  const note = error ?? hint
  const ids = { id, describedBy: note ? `${id}-note` : undefined, invalid: error !== undefined }
  return (
    <div className="flex flex-col gap-1.5">
      <label htmlFor={id}>
        {label}
        {optional && <span className="font-normal text-muted"> (optional)</span>}
      </label>
      <FieldContext value={ids}>{children}</FieldContext>
      {note && (
        <p
          id={ids.describedBy}
          className={classes('text-small', error ? 'text-bad' : 'text-muted')}
          role={error ? 'alert' : undefined}
        >
          {note}
        </p>
      )}
    </div>
  )
}

const CONTROL =
  'w-full rounded-md border border-edge bg-raised px-2.5 text-ink aria-invalid:border-bad disabled:bg-surface disabled:text-muted'

function useControl() {
  const field = useContext(FieldContext)
  return field
    ? { id: field.id, 'aria-describedby': field.describedBy, 'aria-invalid': field.invalid || undefined }
    : {}
}

/** For ids and names that must be exact: no keyboard corrects them. */
export const AS_TYPED = { autoComplete: 'off', autoCapitalize: 'none', autoCorrect: 'off', spellCheck: false } as const

export function Input({ className, ...rest }: InputHTMLAttributes<HTMLInputElement>) {
  return <input {...useControl()} {...rest} className={classes(CONTROL, 'h-8', className)} />
}

export function Textarea({ className, ...rest }: TextareaHTMLAttributes<HTMLTextAreaElement>) {
  return <textarea rows={3} {...useControl()} {...rest} className={classes(CONTROL, 'py-1.5', className)} />
}

export function Select({ className, children, ...rest }: SelectHTMLAttributes<HTMLSelectElement>) {
  return (
    <select {...useControl()} {...rest} className={classes(CONTROL, 'h-8', className)}>
      {children}
    </select>
  )
}

interface ChoiceProps extends Omit<InputHTMLAttributes<HTMLInputElement>, 'type'> {
  readonly label: ReactNode
  readonly hint?: ReactNode
  readonly type?: 'checkbox' | 'radio'
}

/** A checkbox or a radio button with its label beside it. */
export function Choice({ label, hint, type = 'checkbox', ...rest }: ChoiceProps) {
  const id = useId()
  return (
    <div className="flex gap-2">
      <input
        id={id}
        type={type}
        aria-describedby={hint ? `${id}-hint` : undefined}
        {...rest}
        className="mt-0.5 size-4 shrink-0 accent-accent"
      />
      <div>
        <label htmlFor={id} className="font-normal">
          {label}
        </label>
        {hint && (
          <p id={`${id}-hint`} className="text-small text-muted">
            {hint}
          </p>
        )}
      </div>
    </div>
  )
}

interface FieldsetProps {
  readonly legend: string
  readonly hint?: ReactNode
  /** Takes no input, and keeps what was entered. */
  readonly disabled?: boolean
  readonly children: ReactNode
}

/** Several choices that belong together. */
export function Fieldset({ legend, hint, disabled = false, children }: FieldsetProps) {
  return (
    <fieldset disabled={disabled} className="flex flex-col gap-2">
      <legend className="mb-1.5">{legend}</legend>
      {hint && <p className="text-small text-muted">{hint}</p>}
      {children}
    </fieldset>
  )
}

/** A form in one column, whose fields the browser does not judge: the server does, beside each field. */
export function Form({
  onSubmit,
  children,
  className,
}: {
  onSubmit: () => void
  children: ReactNode
  className?: string
}) {
  return (
    <form
      noValidate
      className={classes('flex w-full max-w-120 flex-col gap-4 [&>button]:self-start', className)}
      onSubmit={(event) => {
        event.preventDefault()
        onSubmit()
      }}
    >
      {children}
    </form>
  )
}
