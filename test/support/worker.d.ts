declare namespace Cloudflare {
  interface GlobalProps {
    mainModule: typeof import('../../src/index.ts')
  }
  interface Env {
    /** Where the local stack of this test run is. */
    STACK_URL: string
  }
}
