declare namespace Cloudflare {
  interface GlobalProps {
    mainModule: typeof import('../../src/index.ts')
  }
  interface Env {
    /** Where the local stack of this test run is. */
    STACK_URL: string
    UPSTASH_REDIS_REST_TOKEN: string
    /** Queues of usage (vitest.config.ts): as deployments have them, and one that gives a message up after its first delivery. */
    QUEUE: Queue
    IMPATIENT_QUEUE: Queue
  }
}
