import { useEffect, useState } from 'react'
import { redeemPortalLink, resumePortal } from '../api/portal.ts'
import { ApiError } from '../api/problem.ts'
import { ErrorNotice, Notice } from '../ui/notice.tsx'
import { AccountLayout } from './layout.tsx'

/** Takes the token from the address, so that it stays neither in the history nor in view. */
export function takePortalToken(): string | undefined {
  const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? undefined
  history.replaceState(null, '', location.pathname)
  addEventListener('hashchange', () => location.reload()) // another link, opened in this tab
  return token
}

/** @returns whether the customer is in: by the link, or by the session that this browser has. @throws ApiError */
export async function enterPortal(token: string | undefined): Promise<boolean> {
  if (token === undefined) return resumePortal()
  await redeemPortalLink(token)
  return true
}

/** For customers who come by a link of the operator's application. */
export function Portal({ entering }: { readonly entering: Promise<boolean> }) {
  const [error, setError] = useState<ApiError>()
  const [isOver, setIsOver] = useState(false)
  useEffect(() => {
    void entering.then(
      (isIn) => (isIn ? location.replace('/dashboard') : setIsOver(true)),
      (caught) => setError(caught instanceof ApiError ? caught : undefined),
    )
  }, [entering])
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
        <ErrorNotice error={error} />
      )}
    </AccountLayout>
  )
}
