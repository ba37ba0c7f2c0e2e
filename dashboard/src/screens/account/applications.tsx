import { useState } from 'react'
import { useChange, useList } from '../../api/hooks.ts'
import type { Grant } from '../../api/types.ts'
import { Button } from '../../ui/button.tsx'
import { Confirm } from '../../ui/dialog.tsx'
import { Card, Section } from '../../ui/layout.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'

/** What applications may do for the present user. Nothing for somebody who let none. */
export function Applications() {
  const { rows, hasNextPage, fetchNextPage, isFetchingNextPage } = useList('GET /auth/grants')
  const [ending, setEnding] = useState<Grant>()
  if (!rows?.length && !ending) return null
  return (
    <Section title="Applications" intro="They can act for you until you revoke their access.">
      <Card className="flex flex-col gap-4">
        <ul aria-label="Applications" className="divide-y divide-line">
          {rows?.map((grant) => (
            <li key={grant.id} className="flex flex-wrap items-center justify-between gap-3 py-4 first:pt-0 last:pb-0">
              <div className="min-w-0">
                <p className="font-medium break-words">{grant.client.name}</p>
                <p className="break-words text-muted">
                  For {grant.organization_name}: {grant.scopes.join(', ')}. Last renewed{' '}
                  <Time at={grant.refreshed_at} />
                </p>
              </div>
              <Button aria-label={`Revoke access of ${grant.client.name}`} onClick={() => setEnding(grant)}>
                Revoke access
              </Button>
            </li>
          ))}
        </ul>
        {hasNextPage && (
          <Button className="self-start" busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Show more applications
          </Button>
        )}
      </Card>
      {ending && <EndGrant grant={ending} onClose={() => setEnding(undefined)} />}
    </Section>
  )
}

function EndGrant({ grant: { id, client }, onClose }: { readonly grant: Grant; readonly onClose: () => void }) {
  const { mutate, error, isPending } = useChange('DELETE /auth/grants/{id}')
  const end = () =>
    mutate(
      { params: { id } },
      {
        onSuccess() {
          toast(`${client.name} can no longer act for you`)
          onClose()
        },
      },
    )
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Revoke access of ${client.name}`}
      action="Revoke access"
      onConfirm={end}
      busy={isPending}
      error={error}
    >
      <p>It loses access within seconds. To act for you again, it must ask you again.</p>
    </Confirm>
  )
}
