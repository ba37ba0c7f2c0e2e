import { AccountLayout } from './layout.tsx'

/** For customers who come by a link of the operator's application. */
export function Portal() {
  return (
    <AccountLayout title="Open your account">
      <p>This link is not valid. Go back to the application that gave it to you, and open it again.</p>
    </AccountLayout>
  )
}
