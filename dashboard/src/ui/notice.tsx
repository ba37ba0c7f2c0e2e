import { CircleAlert, CircleCheck, Info, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import type { ApiError } from '../api/problem.ts'
import { Button } from './button.tsx'
import { classes } from './class.ts'

const KINDS = {
  info: { icon: Info, look: 'border-line bg-surface' },
  good: { icon: CircleCheck, look: 'border-transparent bg-good-soft [&>svg]:text-good' },
  warn: { icon: TriangleAlert, look: 'border-transparent bg-warn-soft [&>svg]:text-warn' },
  bad: { icon: CircleAlert, look: 'border-transparent bg-bad-soft [&>svg]:text-bad' },
} as const

/** A message that stays in its place. */
export function Notice({ kind = 'info', children }: { kind?: keyof typeof KINDS; children: ReactNode }) {
  const { icon: Icon, look } = KINDS[kind]
  return (
    <div role={kind === 'bad' ? 'alert' : 'status'} className={classes('flex gap-2 rounded-md border px-3 py-2', look)}>
      <Icon aria-hidden className="mt-0.5 size-4 shrink-0" />
      <div className="min-w-0 flex-1">{children}</div>
    </div>
  )
}

interface ErrorNoticeProps {
  readonly error: ApiError | null | undefined
  /** Fields whose messages are shown beside them already. */
  readonly except?: readonly string[]
  readonly onRetry?: () => void
}

/** What the server refused, and the request id that support asks for. */
export function ErrorNotice({ error, except = [], onRetry }: ErrorNoticeProps) {
  if (!error) return null
  const others = error.errors.filter(
    ({ path }) => !except.some((name) => path === `body.${name}` || path.startsWith(`body.${name}.`)),
  )
  if (error.errors.length > 0 && others.length === 0) return null
  return (
    <Notice kind="bad">
      <p>{describeError(error)}</p>
      {others.map(({ path, message }) => (
        <p key={path}>
          {path.replace(/^(body|query|params)\./, '')}: {message}
        </p>
      ))}
      {error.requestId && <p className="text-small text-muted">Request {error.requestId}</p>}
      {onRetry && (
        <Button className="mt-2" onClick={onRetry}>
          Try again
        </Button>
      )}
    </Notice>
  )
}

export function describeError(error: ApiError): string {
  if (error.status !== 429) return error.message
  const seconds = error.retryAfter ?? 60
  return `Too many attempts. Try again in ${seconds < 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`}.`
}
