import { signOut } from '../api/session.ts'
import { Button } from '../ui/button.tsx'
import { Notice } from '../ui/notice.tsx'

/** For people without a password: only a new sign-in shows that they are present. They come back to this screen. */
export function SignInAgain() {
  return (
    <Notice>
      <p>You signed in more than 15 minutes ago. Sign in again to continue.</p>
      <Button className="mt-2" onClick={leave}>
        Sign in again
      </Button>
    </Notice>
  )
}

function leave(): void {
  const screen = location.pathname.replace('/dashboard', '') + location.search
  const next = `/dashboard/sign-in?${new URLSearchParams({ next: screen })}`
  void signOut().finally(() => location.assign(next))
}
