import { ShieldAlert } from 'lucide-react'
import { useState } from 'react'
import { leaveForSso } from '../account/at-provider.ts'
import { useSubmit } from '../account/use-submit.ts'
import { useRead } from '../api/hooks.ts'
import { Button } from '../ui/button.tsx'
import { Page } from '../ui/layout.tsx'
import { useGo } from '../ui/link.tsx'
import { ErrorNotice } from '../ui/notice.tsx'
import { Empty } from '../ui/states.tsx'
import { LeaveOrganization } from './leave-organization.tsx'
import { useSession } from './session-context.tsx'

const WORDS = {
  two_factor: {
    title: 'Second factor required',
    needs: 'a second factor',
    why: 'Its owners require members to confirm each sign-in with an authenticator app or a passkey.',
    Act: SetUp,
  },
  single_sign_on: {
    title: 'Single sign-on required',
    needs: 'its single sign-on',
    why: 'Its owners require members to sign in with its own identity provider.',
    Act: SignOn,
  },
} as const

/** Stands where a screen would, for members who lack what their organization requires of all. */
export function RequirementGate() {
  const { organizationId, unmet } = useSession()
  const { data } = useRead('GET /organizations/{organization_id}', { params: { organization_id: organizationId } })
  const [isLeaving, setIsLeaving] = useState(false)
  const name = data?.name ?? 'This organization'
  const { title, needs, why, Act } = WORDS[unmet ?? 'two_factor']
  return (
    <Page title={title}>
      <Empty
        title={`${name} requires ${needs}`}
        action={
          <div className="flex flex-wrap justify-center gap-2">
            <Button onClick={() => setIsLeaving(true)}>Leave organization</Button>
            <Act />
          </div>
        }
      >
        <ShieldAlert aria-hidden className="mx-auto mb-3 size-6 text-muted" />
        {why} Your other organizations are not affected.
      </Empty>
      {isLeaving && <LeaveOrganization name={name} onClose={() => setIsLeaving(false)} />}
    </Page>
  )
}

function SetUp() {
  const go = useGo()
  return (
    <Button look="primary" onClick={() => go('/account')}>
      Set up a second factor
    </Button>
  )
}

function SignOn() {
  const { user } = useSession()
  const { busy, error, submit } = useSubmit(() =>
    leaveForSso(user?.email ?? '', `${location.origin}/dashboard/sign-in`),
  )
  return (
    <>
      <Button look="primary" busy={busy} onClick={submit}>
        Single sign-on
      </Button>
      <ErrorNotice error={error} />
    </>
  )
}
