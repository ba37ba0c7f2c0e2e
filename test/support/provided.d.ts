import type { Credentials } from '../../local/support/seed-data.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** What the seed of this test run made. */
    credentials: Credentials
  }
}
