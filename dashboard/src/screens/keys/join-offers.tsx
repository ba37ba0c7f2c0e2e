import { useSubmit } from '../../account/use-submit.ts'
import { useRead } from '../../api/hooks.ts'
import type { JoinableOrganization } from '../../api/types.ts'
import { useSession } from '../../shell/session-context.tsx'
import { useChangeOrganization } from '../../shell/use-change-organization.ts'
import { Button } from '../../ui/button.tsx'
import { Card } from '../../ui/layout.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'

/** Organizations that the present user may join by the domain of their address. */
export function JoinOffers() {
  const { user } = useSession()
  const { data } = useRead('GET /auth/joinable-organizations', {}, { enabled: user !== undefined })
  return data?.data.map((one) => <Offer key={one.organization_id} organization={one} />)
}

function Offer({ organization: { organization_id: id, name, role } }: { readonly organization: JoinableOrganization }) {
  const { join } = useChangeOrganization()
  const { busy, error, submit } = useSubmit(() => join(id, name))
  return (
    <Card className="flex flex-wrap items-center justify-between gap-3">
      <div>
        <p className="font-medium">{name} is on this service</p>
        <p className="text-muted">Your email address lets you join it as {role}.</p>
        <ErrorNotice error={error} />
      </div>
      <Button look="primary" busy={busy} onClick={submit}>
        Join {name}
      </Button>
    </Card>
  )
}
