import { useState } from 'react'
import { useChange, useList } from '../../api/hooks.ts'
import type { Organization } from '../../api/types.ts'
import { useMay, useSession } from '../../shell/session-context.tsx'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Confirm } from '../../ui/dialog.tsx'
import { Card, Section } from '../../ui/layout.tsx'
import { Link } from '../../ui/link.tsx'
import { toast } from '../../ui/toast.tsx'

interface SettingProps {
  readonly organization: Organization
}

/** Whether members need a second factor. Everybody sees it, owners change it. */
export function RequiredSecondFactor({ organization }: SettingProps) {
  const { user } = useSession()
  const mayChange = useMay('owners:write')
  const [isOpen, setIsOpen] = useState(false)
  const isOn = organization.requires_two_factor
  const mayRequire = isOn || user?.two_factor_enabled
  return (
    <Section title="Security">
      <Card className="flex flex-wrap items-center justify-between gap-3">
        <div>
          <p className="font-medium">Second factor for members</p>
          <p className="flex flex-wrap gap-x-3 text-muted">
            Only members who have a second factor can act for this organization.
            {isOn ? <Status kind="good">Required</Status> : <Status kind="off">Not required</Status>}
          </p>
          {mayChange && !mayRequire && (
            <p className="text-muted">
              To require it, <Link to="/account">set up your own</Link> first.
            </p>
          )}
        </div>
        {mayChange && mayRequire && (
          <Button onClick={() => setIsOpen(true)}>{isOn ? 'Stop requiring' : 'Require'}</Button>
        )}
      </Card>
      {isOpen && <Change organization={organization} onClose={() => setIsOpen(false)} />}
    </Section>
  )
}

function Change({ organization: { id, requires_two_factor: isOn }, onClose }: SettingProps & { onClose: () => void }) {
  const { mutate, error, isPending } = useChange('PATCH /organizations/{organization_id}')
  const save = () =>
    mutate(
      { params: { organization_id: id }, body: { requires_two_factor: !isOn } },
      {
        onSuccess() {
          toast(isOn ? 'Second factor no longer required' : 'Second factor required')
          onClose()
        },
      },
    )
  return (
    <Confirm
      open
      onClose={onClose}
      title={isOn ? 'Stop requiring a second factor' : 'Require a second factor'}
      action={isOn ? 'Stop requiring' : 'Require'}
      onConfirm={save}
      busy={isPending}
      error={error}
      destructive={!isOn}
    >
      {isOn ? (
        <p>Members can act for this organization without a second factor again.</p>
      ) : (
        <Consequences organizationId={id} />
      )}
    </Confirm>
  )
}

function Consequences({ organizationId }: { readonly organizationId: string }) {
  const { rows } = useList('GET /organizations/{organization_id}/members', {
    params: { organization_id: organizationId },
    query: { limit: 100 },
  })
  const lacking = rows?.filter(({ two_factor_enabled: isProtected }) => !isProtected) ?? []
  return (
    <>
      <p>From now on, members without a second factor can only set one up, or leave. API keys keep working.</p>
      {lacking.length > 0 && (
        <>
          <p>These members have none yet:</p>
          <ul className="max-h-40 list-disc overflow-y-auto pl-5">
            {lacking.map(({ user_id: userId, email }) => (
              <li key={userId} className="break-all">
                {email}
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  )
}
