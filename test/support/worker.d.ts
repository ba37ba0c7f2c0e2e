declare namespace Cloudflare {
  interface GlobalProps {
    mainModule: typeof import('../../src/index.ts')
  }
  interface Env {
    /** The address of the local stack of this test run. */
    STACK_URL: string
    UPSTASH_REDIS_REST_TOKEN: string
    /** Queues of usage (vitest.config.ts): as deployments have them, and one that gives up a message after its first delivery. */
    QUEUE: Queue
    IMPATIENT_QUEUE: Queue
  }
}
