import type { ReactNode } from 'react'
import type { InspectedRequest } from '../../api/types.ts'
import { formatCount, formatName, formatTime, formatUtc } from '../../lib/format.ts'
import { Badge, Status } from '../../ui/badge.tsx'
import { Code } from '../../ui/copy.tsx'
import { Card, Facts, Section } from '../../ui/layout.tsx'
import { Link, textLink } from '../../ui/link.tsx'
import { useMetersOfAll } from '../usage/own-meters.ts'
import { KeyStatus } from './key-status.tsx'
import { meterName } from './meters.ts'
import { usePlans } from './plans.ts'

interface VerdictProps {
  readonly request: InspectedRequest
}

/** What was answered and why; what it was decided from; what is so now. */
export function Verdict({ request }: VerdictProps) {
  return (
    <>
      <Headline request={request} />
      <div className="grid items-start gap-6 md:grid-cols-2">
        {request.decided_from && <DecidedFrom request={request} />}
        <Now request={request} />
      </div>
    </>
  )
}

function Headline({ request: { verdict, occurred_at, request_id } }: VerdictProps) {
  return (
    <Card className="flex flex-col gap-2">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        {verdict ? (
          <>
            <span className="text-large">
              <Status kind={verdict.valid ? 'good' : 'bad'}>{formatName(verdict.code.toLowerCase())}</Status>
            </span>
            <Badge>{verdict.status}</Badge>
          </>
        ) : (
          <span className="text-large">No verdict</span>
        )}
      </div>
      <p className="text-ink">
        {verdict?.explanation ?? 'This request did not verify a key, or its verdict was not recorded.'}
      </p>
      {verdict?.never_fits && <p>The request can never pass because it asks for more than the whole limit.</p>}
      <p className="flex flex-wrap items-center gap-x-4 text-small text-muted">
        {occurred_at !== null && (
          <span>
            {formatTime(occurred_at)} · {formatUtc(occurred_at)}
          </span>
        )}
        <Code>{request_id}</Code>
      </p>
    </Card>
  )
}

const units = (cost: number) => formatCount(cost, 'unit')

function DecidedFrom({ request: { decided_from: from, verdict, organization, key } }: VerdictProps) {
  const { planName } = usePlans()
  const own = useMetersOfAll()
  if (!from) return null
  const facts: (readonly [string, ReactNode])[] = [
    ['Plan', <Badge>{planName(from.plan)}</Badge>],
    ['Cost', units(from.cost)],
    ...(verdict?.refused_by ? [['Refused by', meterName(verdict.refused_by, own)] as const] : []),
    ...(from.missing_scopes.length > 0 ? [['Missing scopes', from.missing_scopes.join(', ')] as const] : []),
    ['Called by', from.service_key_id === null ? 'A Worker bound to this one' : <Code>{from.service_key_id}</Code>],
    ['Key', since(from.key_version, from.key_changed_since, key === null)],
    ['Organization', since(from.organization_version, from.organization_changed_since, organization === null)],
  ]
  return (
    <Section title="Decided from">
      <Card className="flex flex-col gap-3">
        <Facts facts={facts} />
        {from.without_redis && <Status kind="warn">Redis did not respond, so one isolate counted on its own.</Status>}
      </Card>
    </Section>
  )
}

function since(version: number, hasChanged: boolean, isGone: boolean): ReactNode {
  return (
    <span className="flex flex-wrap items-center gap-x-2">
      Version {version}
      {isGone ? (
        <Status kind="ended">Deleted since</Status>
      ) : hasChanged ? (
        <Status kind="warn">Changed since</Status>
      ) : (
        <Status kind="good">Unchanged since</Status>
      )}
    </span>
  )
}

/** The customer and the key as they are at present, which need not be what they were. */
function Now({ request: { organization, key } }: VerdictProps) {
  const { planName } = usePlans()
  return (
    <Section title="Now">
      <Card>
        <Facts
          facts={[
            [
              'Customer',
              organization ? (
                <span className="flex flex-wrap items-center gap-2">
                  <Link to={`/operator/customers/${organization.id}`} className={textLink}>
                    {organization.name}
                  </Link>
                  <Badge>{planName(organization.plan)}</Badge>
                  {organization.suspended_at !== null && <Status kind="bad">Suspended</Status>}
                </span>
              ) : (
                'None, or deleted'
              ),
            ],
            ...(key
              ? ([
                  ['Key', key.name],
                  ['Hint', <code className="font-mono text-small">{key.key_hint}</code>],
                  ['Status', <KeyStatus status={key.status} revoked_at={key.revoked_at} leaked_at={null} />],
                  ['Scopes', key.scopes.join(', ') || 'All'],
                  ['Allowed addresses', key.allowed_ips?.join(', ') ?? 'Any'],
                ] as const)
              : [['Key', 'None, or deleted'] as const]),
          ]}
        />
      </Card>
    </Section>
  )
}
