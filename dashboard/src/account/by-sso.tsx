import { Button } from '../ui/button.tsx'
import { leaveForSso } from './at-provider.ts'
import { EmailForm } from './email-form.tsx'
import { AccountLayout } from './layout.tsx'

/** Signs in at the identity provider of somebody's organization. */
export function BySso({ onBack }: { readonly onBack: () => void }) {
  return (
    <AccountLayout title="Single sign-on">
      <EmailForm action="Continue" onSend={(email) => leaveForSso(email)} />
      <p className="text-muted">Your email address determines which organization signs you in.</p>
      <div>
        <Button look="quiet" onClick={onBack}>
          Back
        </Button>
      </div>
    </AccountLayout>
  )
}
