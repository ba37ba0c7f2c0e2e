import { vi } from 'vitest'

/** From now on time advances only when an isolate is advanced. Ends with `vi.restoreAllMocks()`. */
export function stopClock(): void {
  const now = Date.now()
  vi.spyOn(Date, 'now').mockImplementation(() => now)
}
