import { vi } from 'vitest'

/** From now on time goes on only where an isolate is moved. Ends with `vi.restoreAllMocks()`. */
export function stopClock(): void {
  const now = Date.now()
  vi.spyOn(Date, 'now').mockImplementation(() => now)
}
