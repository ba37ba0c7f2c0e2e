import type { Credentials } from '../../local/support/seed-data.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** What the seed of this test run made. */
    credentials: Credentials
    /** Which random histories are drawn, and for how many milliseconds: absent for the usual ones. */
    histories: { readonly seed: number | undefined; readonly ms: number | undefined }
  }
}
