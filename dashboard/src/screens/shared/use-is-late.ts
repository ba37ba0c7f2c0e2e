import { useEffect, useState } from 'react'

/** From then on the confirmation of a payment is late. */
const LATE_MS = 60_000

/** @returns whether it has waited for a minute */
export function useIsLate(isWaiting: boolean): boolean {
  const [isLate, setIsLate] = useState(false)
  useEffect(() => {
    if (!isWaiting) return undefined
    const timer = setTimeout(() => setIsLate(true), LATE_MS)
    return () => clearTimeout(timer)
  }, [isWaiting])
  return isLate
}
