import type { ButtonHTMLAttributes, ReactNode } from 'react'
import { classes } from './class.ts'

const LOOKS = {
  primary: 'bg-accent text-accent-ink hover:opacity-90',
  secondary: 'bg-raised text-ink border border-line hover:bg-hover',
  quiet: 'text-ink hover:bg-hover',
  danger: 'bg-bad text-canvas hover:opacity-90',
} as const

export type ButtonLook = keyof typeof LOOKS

/** The look of a button, for links that lead to an action. */
export const buttonClass = (look: ButtonLook = 'secondary', wide = false) =>
  classes(
    'inline-flex h-8 items-center justify-center gap-1.5 rounded-md px-3 font-medium whitespace-nowrap transition-colors duration-100',
    'disabled:opacity-50 aria-disabled:opacity-50',
    LOOKS[look],
    wide && 'w-full',
  )

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly look?: ButtonLook
  readonly wide?: boolean
  /** While its action runs, the button keeps its place and takes no second press. */
  readonly busy?: boolean
  readonly children: ReactNode
}

export function Button({ look, wide = false, busy = false, children, className, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      aria-busy={busy || undefined}
      {...rest}
      disabled={rest.disabled || busy}
      className={classes(buttonClass(look, wide), className)}
    >
      {children}
    </button>
  )
}

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** What it does. Screen readers say it, and it is shown on hover. */
  readonly label: string
  readonly children: ReactNode
}

export function IconButton({ label, children, className, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      {...rest}
      className={classes(
        'inline-flex size-8 shrink-0 items-center justify-center rounded-md text-muted hover:bg-hover hover:text-ink disabled:opacity-50 [&>svg]:size-4',
        className,
      )}
    >
      {children}
    </button>
  )
}
