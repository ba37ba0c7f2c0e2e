import { useState } from 'react'
import { useChange, useRead } from '../../api/hooks.ts'
import type { OrganizationDomain } from '../../api/types.ts'
import { useMay, useSession } from '../../shell/session-context.tsx'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Code } from '../../ui/copy.tsx'
import { Card, Facts, Section } from '../../ui/layout.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Empty, Skeleton } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { AddDomain, ChangeDomain, RemoveDomain } from './domain-dialogs.tsx'
import { roleInWords } from './roles.tsx'

const DIALOGS = { change: ChangeDomain, remove: RemoveDomain } as const

interface Acting {
  readonly action: keyof typeof DIALOGS
  readonly domain: OrganizationDomain
}

/** Domains of the organization, whose people may join it. */
export function Domains() {
  const { organizationId } = useSession()
  const mayWrite = useMay('organization:write')
  const [isAdding, setIsAdding] = useState(false)
  const { data, error, refetch } = useRead('GET /organizations/{organization_id}/domains', {
    params: { organization_id: organizationId },
  })
  const addButton = mayWrite && <Button onClick={() => setIsAdding(true)}>Add domain</Button>
  return (
    <Section
      title="Domains"
      intro="Anyone with a confirmed email address at a verified domain can join, if you allow it."
      actions={data && data.data.length > 0 ? addButton : undefined}
    >
      {error && !data && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton lines={2} />}
      {data?.data.length === 0 && (
        <Empty title="No domains" action={addButton}>
          You verify a domain with a TXT record in the DNS.
        </Empty>
      )}
      {data && <List domains={data.data} />}
      {isAdding && <AddDomain onClose={() => setIsAdding(false)} />}
    </Section>
  )
}

function List({ domains }: { readonly domains: readonly OrganizationDomain[] }) {
  const [acting, setActing] = useState<Acting>()
  const Dialog = acting && DIALOGS[acting.action]
  return (
    <>
      {domains.length > 0 && (
        <Card>
          <ul className="divide-y divide-line">
            {domains.map((domain) => (
              <Row key={domain.id} domain={domain} onAct={(action) => setActing({ action, domain })} />
            ))}
          </ul>
        </Card>
      )}
      {acting && Dialog && <Dialog domain={acting.domain} onClose={() => setActing(undefined)} />}
    </>
  )
}

interface RowProps {
  readonly domain: OrganizationDomain
  /** The dialog outlives the row: a removed domain is gone before its dialog has said so. */
  readonly onAct: (action: Acting['action']) => void
}

function Row({ domain, onAct }: RowProps) {
  const mayWrite = useMay('organization:write')
  const { verified_at: verifiedAt, join_role: joinRole } = domain
  return (
    <li className="flex flex-col gap-3 py-4 first:pt-0 last:pb-0">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <div className="min-w-0">
          <p className="font-medium break-all">{domain.domain}</p>
          <p className="flex flex-wrap gap-x-3 text-muted">
            {verifiedAt ? (
              <Status kind="good">
                Verified <Time at={verifiedAt} />
              </Status>
            ) : (
              <Status kind="waiting">Not verified</Status>
            )}
            <span>{joinRole ? `People join as ${roleInWords(joinRole)}` : 'Nobody can join with it'}</span>
          </p>
        </div>
        {mayWrite && (
          <div className="flex flex-wrap gap-2">
            <Button aria-label={`Change ${domain.domain}`} onClick={() => onAct('change')}>
              Change
            </Button>
            <Button aria-label={`Remove ${domain.domain}`} onClick={() => onAct('remove')}>
              Remove
            </Button>
          </div>
        )}
      </div>
      {!verifiedAt && mayWrite && <Proof domain={domain} />}
    </li>
  )
}

/** What to publish, and the look at whether it is there. */
function Proof({ domain: { id, domain, record } }: { readonly domain: OrganizationDomain }) {
  const { organizationId } = useSession()
  const { mutate, error, isPending } = useChange('POST /organizations/{organization_id}/domains/{id}/verify')
  const verify = () =>
    mutate({ params: { organization_id: organizationId, id } }, { onSuccess: () => toast(`${domain} is verified`) })
  return (
    <div className="flex flex-col gap-3">
      <p>Publish this record in the DNS of {domain}, then verify. Keep it there: it is checked again every week.</p>
      <Facts
        facts={[
          ['Type', record.type],
          ['Name', <Code>{record.name}</Code>],
          ['Value', <Code>{record.value}</Code>],
        ]}
      />
      <ErrorNotice error={error} />
      <div>
        <Button look="primary" busy={isPending} onClick={verify} aria-label={`Verify ${domain}`}>
          Verify
        </Button>
      </div>
    </div>
  )
}
