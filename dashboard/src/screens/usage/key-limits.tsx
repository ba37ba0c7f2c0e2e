import { useList } from '../../api/hooks.ts'
import type { ApiKey } from '../../api/types.ts'
import { formatNumber } from '../../lib/format.ts'
import { useMay } from '../../shell/session-context.tsx'
import { Section } from '../../ui/layout.tsx'
import { listProps, Table } from '../../ui/table.tsx'
import { describeLimit } from '../keys/limit-form.ts'
import type { OwnMeters } from './meters.ts'
import { useOwnMeters } from './own-meters.ts'

/** Keys that have limits of their own. */
export function KeyLimits() {
  const mayRead = useMay('keys:read')
  const own = useOwnMeters()
  const list = useList('GET /auth/api-keys', { query: { limit: 100 } }, { enabled: mayRead })
  const rows = list.rows?.filter(
    (key) => key.revoked_at === null && (key.custom_rate_limit !== null || key.limits.length > 0),
  )
  if (!rows || (rows.length === 0 && !list.hasNextPage)) return null
  return (
    <Section title="Keys with their own limits">
      <Table
        {...listProps(list)}
        label="Keys with their own limits"
        rows={rows}
        rowId={({ id }) => id}
        rowLink={({ id }) => `/keys/${id}`}
        columns={[
          { name: 'API key', cell: ({ name }) => name },
          {
            name: 'Rate limit',
            cell: ({ custom_rate_limit: own }) => (own === null ? 'From the plan' : `${formatNumber(own)} per minute`),
          },
          { name: 'Key limits', width: 'minmax(0,2fr)', cell: (key) => namedLimits(key, own) },
        ]}
        empty={<p className="text-muted">None among the first hundred keys.</p>}
      />
    </Section>
  )
}

const namedLimits = ({ limits }: ApiKey, own: OwnMeters) =>
  limits.length === 0 ? '–' : limits.map((one) => `${one.name}: ${describeLimit(one, own)}`).join(', ')
