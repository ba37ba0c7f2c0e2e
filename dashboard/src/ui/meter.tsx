import { formatPercent } from '../lib/format.ts'
import { classes } from './class.ts'

interface MeterProps {
  readonly label: string
  readonly used: number
  /** Reserved, and not settled yet. */
  readonly held?: number
  /** Null means unlimited: there is no bar. */
  readonly limit: number | null
  /** How an amount is written, with its unit. */
  readonly format: (amount: number) => string
}

/** From these shares on the bar is amber, then red. */
const CLOSE = 0.8
const FULL = 1

/** How much of a limit is used: a bar, and the same in words. */
export function Meter({ label, used, held = 0, limit, format }: MeterProps) {
  const share = limit === null ? 0 : limit === 0 ? 1 : (used + held) / limit
  const look = share >= FULL ? 'bg-bad' : share >= CLOSE ? 'bg-warn' : 'bg-accent'
  const text = limit === null ? `${format(used)}, no limit` : `${format(used)} of ${format(limit)}`
  return (
    <div className="flex flex-col gap-1.5">
      <div className="flex flex-wrap justify-between gap-x-3">
        <span>{label}</span>
        <span className="text-muted">
          {text}
          {limit !== null && ` · ${formatPercent(share)}`}
        </span>
      </div>
      {limit !== null && (
        <div
          role="meter"
          aria-label={label}
          aria-valuemin={0}
          aria-valuemax={limit}
          aria-valuenow={Math.min(used + held, limit)}
          aria-valuetext={text}
          className="flex h-1.5 overflow-hidden rounded-full bg-hover"
        >
          <Bar share={limit === 0 ? 1 : used / limit} look={look} />
          <Bar share={limit === 0 ? 0 : held / limit} look={classes(look, 'opacity-50')} />
        </div>
      )}
    </div>
  )
}

function Bar({ share, look }: { readonly share: number; readonly look: string }) {
  return <div className={classes('h-full max-w-full', look)} style={{ width: `${Math.min(1, share) * 100}%` }} />
}
