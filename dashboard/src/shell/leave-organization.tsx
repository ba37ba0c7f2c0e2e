import { useChange } from '../api/hooks.ts'
import { Confirm } from '../ui/dialog.tsx'
import { useSession } from './session-context.tsx'

interface LeaveProps {
  readonly onClose: () => void
  /** Of the organization. */
  readonly name?: string
}

/** Confirms that somebody leaves the organization that they act for. */
export function LeaveOrganization({ name = 'this organization', onClose }: LeaveProps) {
  const { organizationId } = useSession()
  const { mutate, error, isPending } = useChange('POST /organizations/{organization_id}/leave')
  const leave = () =>
    mutate(
      { params: { organization_id: organizationId } },
      { onSuccess: () => location.assign('/dashboard') }, // the session is now in another organization
    )
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Leave ${name}`}
      action="Leave organization"
      onConfirm={leave}
      busy={isPending}
      error={error}
    >
      <p>You lose access immediately. To come back, you need a new invitation or an address that lets you join.</p>
      <p>Keys that you created keep working.</p>
    </Confirm>
  )
}
