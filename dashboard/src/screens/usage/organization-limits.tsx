import type { OrganizationLimit, Quotas } from '../../api/types.ts'
import { formatName, formatRelative } from '../../lib/format.ts'
import { Card, Columns, Section } from '../../ui/layout.tsx'
import { Meter } from '../../ui/meter.tsx'
import { describeLimit } from '../keys/limit-form.ts'
import { formatAmount, type OwnMeters, readOwnMeters } from './meters.ts'

/** Limits in which all keys of an organization count together, with what is used of each. */
export function OrganizationLimits({ quotas }: { readonly quotas: Quotas }) {
  const own = readOwnMeters(quotas)
  if (quotas.organization_limits.length === 0) return null
  return (
    <Section title="Limits of all keys together" intro="A request that exceeds one of them is refused.">
      <Columns>
        {quotas.organization_limits.map((limit) => (
          <LimitCard key={limit.name} limit={limit} own={own} />
        ))}
      </Columns>
    </Section>
  )
}

interface LimitCardProps {
  readonly limit: OrganizationLimit
  readonly own: OwnMeters
}

function LimitCard({ limit, own }: LimitCardProps) {
  const { name, meter, used, held, remaining, resets_at } = limit
  const write = (amount: number | string) => formatAmount(meter, amount, own[meter]?.unit)
  const details = [
    describeLimit(limit, own),
    held !== null && Number(held) > 0 && `${write(held)} held for reservations`,
    remaining !== null && `${write(remaining)} left`,
    resets_at !== null && `Resets ${formatRelative(resets_at)}`,
  ].filter((one) => one !== false)
  return (
    <Card className="flex flex-col gap-2">
      {used === null ? (
        <p>{formatName(name)}</p>
      ) : (
        <Meter
          label={formatName(name)}
          used={Number(used)}
          held={Number(held)}
          limit={Number(limit.limit)}
          format={write}
        />
      )}
      <p className="text-small text-muted">{details.join(' · ')}</p>
    </Card>
  )
}
