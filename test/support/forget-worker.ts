import { vi } from 'vitest'

/** Each file begins with an empty Worker, as if its isolate had just started. */
vi.resetModules()
vi.useRealTimers()
