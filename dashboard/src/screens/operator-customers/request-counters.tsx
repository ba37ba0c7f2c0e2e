import type { InspectedRequest } from '../../api/types.ts'
import { formatMoney, formatName, formatNumber } from '../../lib/format.ts'
import { Status } from '../../ui/badge.tsx'
import { Section } from '../../ui/layout.tsx'
import { Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import type { OwnMeters } from '../usage/meters.ts'
import { useMetersOfAll } from '../usage/own-meters.ts'
import { formatMeter, meterName } from './meters.ts'

interface CountersProps {
  readonly counters: NonNullable<InspectedRequest['counters']>
  /** The limit or meter that refused. */
  readonly refusedBy: string | null
}

interface Counter {
  readonly id: string
  readonly name: string
  readonly limit: string
  readonly used: string
  readonly left: string
  readonly resetsAt: string | null
}

/** What was left of each limit after the request. */
export function Counters({ counters, refusedBy }: CountersProps) {
  const own = useMetersOfAll()
  return (
    <Section title="Limits after the request" intro="As reported in the verdict.">
      <Table
        label="Limits after the request"
        rows={[...windows(counters), ...quotas(counters, own)]}
        rowId={({ id }) => id}
        empty={null}
        columns={[
          {
            name: 'Limit',
            width: 'minmax(0,1.5fr)',
            cell: ({ id, name }) => (
              <span className="inline-flex flex-wrap items-center gap-x-3">
                {name}
                {id === refusedBy && <Status kind="bad">Refused</Status>}
              </span>
            ),
          },
          { name: 'Used', numeric: true, cell: ({ used }) => used },
          { name: 'Maximum', numeric: true, cell: ({ limit }) => limit },
          { name: 'Left', numeric: true, cell: ({ left }) => left },
          { name: 'Resets', width: '9rem', cell: ({ resetsAt }) => <Time at={resetsAt} none="With the period" /> },
        ]}
      />
    </Section>
  )
}

const windows = ({ windows: all }: CountersProps['counters']): Counter[] =>
  Object.entries(all).map(([id, { limit, remaining, resets_at }]) => ({
    id,
    name: id === 'ratelimit' ? meterName(id) : formatName(id),
    limit: formatUnits(limit),
    used: formatUnits(
      typeof limit === 'string' ? String(Number(limit) - Number(remaining)) : limit - Number(remaining),
    ),
    left: formatUnits(remaining),
    resetsAt: resets_at,
  }))

const formatUnits = (amount: number | string) =>
  typeof amount === 'string' ? formatMoney(amount) : formatNumber(amount)

const quotas = ({ quotas: all }: CountersProps['counters'], own: OwnMeters): Counter[] =>
  Object.entries(all).map(([id, { limit, used, held }]) => {
    const left = limit === null ? null : Math.max(0, Number(limit) - Number(used) - Number(held))
    const isHeld = Number(held) > 0
    return {
      id,
      name: meterName(id, own),
      limit: limit === null ? 'No limit' : formatMeter(id, Number(limit), own),
      used: `${formatMeter(id, Number(used), own)}${isHeld ? ` + ${formatMeter(id, Number(held), own)} held` : ''}`,
      left: left === null ? '–' : formatMeter(id, left, own),
      resetsAt: null,
    }
  })
