import type { ReactNode } from 'react'

/** Nothing is there yet: what it would be, and one thing to do. */
export function Empty({
  title,
  children,
  action,
}: {
  readonly title: string
  readonly children?: ReactNode
  readonly action?: ReactNode
}) {
  return (
    <div className="flex flex-col items-center gap-3 rounded-lg border border-dashed border-line px-4 py-12 text-center">
      <p className="font-medium">{title}</p>
      {children && <div className="max-w-120 text-muted">{children}</div>}
      {action}
    </div>
  )
}

/** Gray bars in the place of what is loading. */
export function Skeleton({ lines = 3, height = 'h-8' }: { readonly lines?: number; readonly height?: string }) {
  return (
    <div role="status" aria-label="Loading" className="flex flex-col gap-2">
      {Array.from({ length: lines }, (_, at) => (
        <div key={at} className={`skeleton ${height}`} />
      ))}
    </div>
  )
}
