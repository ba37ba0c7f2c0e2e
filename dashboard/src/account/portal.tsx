import { useEffect, useState } from 'react'
import { PORTAL_END, redeemPortalLink, resumePortal } from '../api/portal.ts'
import { ApiError } from '../api/problem.ts'
import { ErrorNotice, Notice } from '../ui/notice.tsx'
import { AccountLayout } from './layout.tsx'
import { newVerifier } from './verifier.ts'

/** @returns whether the customer is in: by the link, or by the session that this browser has. It can be called again after an ApiError */
type Enter = () => Promise<boolean>

/** Takes the token from the address, so that it stays neither in the history nor in view. It is kept until the page is left. */
export function takePortalLink(): Enter {
  const { hash } = location
  const token = new URLSearchParams(hash.slice(1)).get('token')
  history.replaceState(null, '', location.pathname)
  addEventListener('hashchange', () => location.reload()) // another link, opened in this tab
  if (hash === PORTAL_END) return async () => false
  return token === null ? resumePortal : redeemer(token)
}

function redeemer(token: string): Enter {
  const secret = newVerifier()
  return async () => {
    const { verifier } = await secret
    await redeemPortalLink(token, verifier)
    return true
  }
}

interface PortalProps {
  readonly enter: Enter
  /** The first call, made before the page is shown: an effect may run twice. */
  readonly first: Promise<boolean>
}

/** For customers who come by a link of the operator's application. */
export function Portal({ enter, first }: PortalProps) {
  const [entering, setEntering] = useState(first)
  const [error, setError] = useState<ApiError>()
  const [isOver, setIsOver] = useState(false)
  useEffect(() => {
    void entering.then(
      (isIn) => (isIn ? location.replace('/dashboard') : setIsOver(true)),
      (caught) => setError(caught instanceof ApiError ? caught : undefined),
    )
  }, [entering])
  function retry(): void {
    setError(undefined)
    setEntering(enter())
  }
  return (
    <AccountLayout title="Open your account">
      {!isOver && !error && <p role="status">Opening …</p>}
      {isOver && (
        <Notice>
          Your session has ended. Go back to the application you came from and open your account again from there.
        </Notice>
      )}
      {error?.code === 'portal_link_invalid' ? (
        <Notice kind="bad">
          This link was already used, has expired or no longer works. Go back to the application that gave it to you and
          open your account again from there.
        </Notice>
      ) : (
        <ErrorNotice error={error} onRetry={retry} />
      )}
    </AccountLayout>
  )
}
