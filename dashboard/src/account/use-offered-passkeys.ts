import { useEffect, useEffectEvent, useRef, useState } from 'react'
import { ApiError } from '../api/problem.ts'
import { continueToScreen } from './next.ts'
import { offerPasskeys } from './passkey.ts'

/**
 * Lets the field of the address offer passkeys while a page is there. `renew` belongs to the field's focus: an offer ends after
 * some minutes.
 */
export function useOfferedPasskeys() {
  const [error, setError] = useState<ApiError>()
  const present = useRef<AbortController>(undefined)

  async function renew(): Promise<void> {
    if (present.current) return
    const mine = new AbortController()
    present.current = mine
    try {
      if (await offerPasskeys(mine.signal)) await continueToScreen()
    } catch (caught) {
      if (caught instanceof ApiError && caught.code === 'invalid_passkey') setError(caught)
    } finally {
      if (present.current === mine) present.current = undefined
    }
  }
  const begin = useEffectEvent(renew)
  useEffect(() => {
    void begin()
    return () => {
      present.current?.abort()
      present.current = undefined
    }
  }, [])
  return { error, renew: () => void renew() }
}
