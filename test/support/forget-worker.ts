import { vi } from 'vitest'

/** Each file begins with a Worker that has nothing in memory, as if its isolate had just started. */
vi.resetModules()
vi.useRealTimers()
