import type { ReactNode } from 'react'
import type { Overview } from '../../api/types.ts'
import { formatCount, formatMoney, formatNumber } from '../../lib/format.ts'
import { Status, type StatusKind } from '../../ui/badge.tsx'
import { Section } from '../../ui/layout.tsx'
import { Link } from '../../ui/link.tsx'

interface Item {
  readonly name: string
  readonly to: string
  readonly search?: Readonly<Record<string, string>>
  readonly kind: StatusKind
  readonly state: string
  readonly note: string
}

const HOUR_MS = 3_600_000

/** What could not be sent, is owed, or waits: each line leads to the screen that mends it. */
export function Attention({ overview }: { readonly overview: Overview }) {
  const items = [...sending(overview), ...overage(overview), spool(overview), folding(overview)]
  return (
    <Section title="Delivery and storage">
      <ul className="overflow-hidden rounded-lg border border-line bg-raised">
        {items.map((item) => (
          <Line key={item.name} {...item} />
        ))}
      </ul>
    </Section>
  )
}

function Line({ name, to, search = {}, kind, state, note }: Item): ReactNode {
  return (
    <li className="border-t border-line first:border-t-0">
      <Link
        to={to}
        search={search}
        className="grid gap-x-4 gap-y-0.5 px-3 py-2 hover:bg-hover sm:grid-cols-[12rem_14rem_1fr]"
      >
        <span className="font-medium">{name}</span>
        <Status kind={kind}>{state}</Status>
        <span className="text-muted">{note}</span>
      </Link>
    </li>
  )
}

const sending = ({ webhooks, mails }: Overview): Item[] => [
  sent('Webhook deliveries', '/operator/deliveries', webhooks),
  sent('Emails', '/operator/emails', mails),
]

function sent(name: string, to: string, { waiting, failed_24_hours, failed_30_days }: Overview['mails']): Item {
  return {
    name,
    to,
    ...(failed_30_days > 0 && { search: { state: 'failed' } }),
    kind: failed_24_hours > 0 ? 'bad' : 'good',
    state: failed_24_hours > 0 ? `${formatNumber(failed_24_hours)} failed in 24 hours` : 'None failed in 24 hours',
    note: `${formatNumber(waiting)} waiting · ${formatNumber(failed_30_days)} failed in 30 days`,
  }
}

function overage({ revenue }: Overview): Item[] {
  const { pending, refused, unknown } = revenue.overage
  const stuck = refused.rows + unknown.rows
  const amount = Number(refused.amount_usd) + Number(unknown.amount_usd)
  return [
    {
      name: 'Overage',
      to: '/operator/ledger',
      ...(refused.rows > 0 ? { search: { state: 'refused' } } : unknown.rows > 0 && { search: { state: 'unknown' } }),
      kind: stuck > 0 ? 'bad' : 'good',
      state: stuck > 0 ? `${formatCount(stuck, 'row')} refused or unknown` : 'Nothing refused',
      note: `${stuck > 0 ? `${formatMoney(amount)} not charged · ` : ''}${formatMoney(pending.amount_usd)} in ${formatCount(pending.rows, 'row')} to send`,
    },
  ]
}

function spool({ usage }: Overview): Item {
  const common = { name: 'Usage spool', to: '/operator/system' }
  if (!usage.spool) return { ...common, kind: 'warn', state: 'Unknown', note: 'Redis is not responding' }
  const { batches, aside } = usage.spool
  if (aside > 0)
    return {
      ...common,
      kind: 'bad',
      state: `${formatCount(aside, 'batch', 'batches')} set aside`,
      note: 'They need manual review',
    }
  return {
    ...common,
    kind: batches > 0 ? 'waiting' : 'good',
    state: batches > 0 ? `${formatCount(batches, 'batch', 'batches')} waiting` : 'Empty',
    note: 'Usage in Redis, waiting to be written to the database',
  }
}

function folding({ usage, generated_at }: Overview): Item {
  const hours = (Date.parse(generated_at) - Date.parse(usage.folded_until)) / HOUR_MS
  const isLate = hours > 3
  return {
    name: 'Usage totals',
    to: '/operator/system',
    kind: isLate ? 'warn' : 'good',
    state: isLate ? `${formatCount(Math.floor(hours), 'hour')} behind` : 'Up to date',
    note: isLate ? 'Results are correct but slower. Check the jobs.' : 'Past hours are summed up',
  }
}
