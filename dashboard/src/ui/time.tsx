import { formatRelative, formatTime, formatUtc } from '../lib/format.ts'

/** A time as people say it; exact, in local time and in UTC, on hover. */
export function Time({ at, none = '–' }: { readonly at: string | number | null | undefined; readonly none?: string }) {
  if (at === null || at === undefined) return <span className="text-muted">{none}</span>
  return (
    <time
      dateTime={new Date(at).toISOString()}
      title={`${formatTime(at)} · ${formatUtc(at)}`}
      className="whitespace-nowrap"
    >
      {formatRelative(at)}
    </time>
  )
}
