import { ShieldAlert } from 'lucide-react'
import { useState } from 'react'
import { useRead } from '../api/hooks.ts'
import { Button } from '../ui/button.tsx'
import { Page } from '../ui/layout.tsx'
import { useGo } from '../ui/link.tsx'
import { Empty } from '../ui/states.tsx'
import { LeaveOrganization } from './leave-organization.tsx'
import { useSession } from './session-context.tsx'

/** Stands where a screen would, for members who lack what their organization requires of all. */
export function RequirementGate() {
  const { organizationId } = useSession()
  const { data } = useRead('GET /organizations/{organization_id}', { params: { organization_id: organizationId } })
  const [isLeaving, setIsLeaving] = useState(false)
  const go = useGo()
  const name = data?.name ?? 'This organization'
  return (
    <Page title="Second factor required">
      <Empty
        title={`${name} requires a second factor`}
        action={
          <div className="flex flex-wrap justify-center gap-2">
            <Button onClick={() => setIsLeaving(true)}>Leave organization</Button>
            <Button look="primary" onClick={() => go('/account')}>
              Set up a second factor
            </Button>
          </div>
        }
      >
        <ShieldAlert aria-hidden className="mx-auto mb-3 size-6 text-muted" />
        Its owners let only members act for it who confirm a sign-in with an authenticator app or a passkey. Your other
        organizations are not affected.
      </Empty>
      {isLeaving && <LeaveOrganization name={name} onClose={() => setIsLeaving(false)} />}
    </Page>
  )
}
