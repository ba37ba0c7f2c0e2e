import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { call } from '../api/client.ts'
import { ApiError } from '../api/problem.ts'
import { endSupport, supportEndsAt } from '../api/session.ts'
import { Button } from '../ui/button.tsx'
import { useGo } from '../ui/link.tsx'
import { toast } from '../ui/toast.tsx'
import { useSession } from './session-context.tsx'

const SECOND_MS = 1_000

/** @returns whether the session's token works no longer; without an answer nobody knows */
async function endOnServer(): Promise<boolean> {
  try {
    await call('POST /auth/logout')
    return true
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    return error.status === 401
  }
}

/** Says, in every view and for the whole time, that an administrator acts as somebody else. */
export function SupportBanner() {
  const { user } = useSession()
  const client = useQueryClient()
  const go = useGo()
  const [now, setNow] = useState(Date.now)
  const [isEnding, setIsEnding] = useState(false)
  const endsAt = supportEndsAt()
  useEffect(() => {
    if (endsAt === undefined) return undefined
    const timer = setInterval(() => setNow(Date.now()), SECOND_MS)
    return () => clearInterval(timer)
  }, [endsAt])
  if (endsAt === undefined) return null
  const minutes = Math.max(0, Math.ceil((endsAt - now) / 60_000))
  async function end(): Promise<void> {
    setIsEnding(true)
    if (!(await endOnServer())) toast('Only this page has left the session', `It ends by itself in ${minutes} min.`)
    endSupport()
    setIsEnding(false)
    go('/operator/users')
    void client.resetQueries()
  }
  return (
    <div
      role="status"
      className="sticky top-0 z-40 flex flex-wrap items-center justify-between gap-2 bg-warn px-4 py-2 text-canvas md:h-12 md:flex-nowrap"
    >
      <span>
        <strong className="font-medium">Support session.</strong> You are acting as {user?.email}.{' '}
        {minutes > 0 ? `It ends in ${minutes} min.` : 'It has ended.'}
      </span>
      <Button busy={isEnding} onClick={() => void end()}>
        End session
      </Button>
    </div>
  )
}
