import { useEffect } from 'react'
import { PERMISSION_TEXTS } from '../api/words.ts'
import { Page } from '../ui/layout.tsx'
import { Link, textLink, useGo } from '../ui/link.tsx'
import { firstScreen } from './screens.ts'
import { useSession } from './session-context.tsx'

interface NotAllowedProps {
  readonly pathname: string
  /** The permission that is missing. */
  readonly needs: string
}

/** Stands where a screen would that the role of a member shows nothing on. The overview leads to the first that it does. */
export function NotAllowed({ pathname, needs }: NotAllowedProps) {
  const { permissions, user } = useSession()
  const first = firstScreen(permissions)
  const isLost = pathname === '/' && first !== undefined
  const go = useGo()
  useEffect(() => {
    if (isLost) go(first.path)
  }, [isLost, first, go])
  if (isLost) return null
  return (
    <Page title="Your role does not allow this">
      <p>
        {user ? `Your role, ${user.role}, lacks` : 'Your link lacks'}{' '}
        <code className="font-mono text-small">{needs}</code>: {PERMISSION_TEXTS[needs]} Anyone who manages the
        organization’s members can change this.
      </p>
      {first && (
        <p>
          <Link to={first.path} className={textLink}>
            Go to {first.label}
          </Link>
        </p>
      )}
    </Page>
  )
}
