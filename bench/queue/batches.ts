/** Batches of many isolates and a queue, in workerd with Miniflare's local queue, as in `npm test` and wrangler. */
import { createRequire } from 'node:module'
import type { Bundle } from '../worker.ts'

const QUEUE = 'tollgate-usage'

/** The part of Miniflare that is used here; it comes with wrangler. */
interface Miniflare {
  readonly ready: Promise<URL>
  dispatchFetch(url: string): Promise<{ readonly status: number }>
  dispose(): Promise<void>
}

interface MiniflareModule {
  readonly Miniflare: new (options: unknown) => Miniflare
  /** Converts the options with the names of wrangler's configuration. */
  convertV4MiniflareOptions(options: object): unknown
}

const require = createRequire(createRequire(import.meta.url).resolve('wrangler/package.json'))
const { Miniflare, convertV4MiniflareOptions } = require('miniflare') as MiniflareModule

export interface Batches {
  /** This many concurrent batches, each with this many events of an organization. */
  end(organizationId: string, batches: number, events: number): Promise<void>
  stop(): Promise<void>
}

interface Wanted {
  readonly hasQueue: boolean
  readonly bundle: Bundle
  readonly variables: Readonly<Record<string, string>>
}

export async function startBatches({ hasQueue, bundle, variables }: Wanted): Promise<Batches> {
  const worker = {
    compatibilityDate: '2026-10-01',
    bindings: variables,
    modules: bundle.pieces.map(({ name, text, bytes }) =>
      text ? { type: 'ESModule', path: name, contents: text } : { type: 'CompiledWasm', path: name, contents: bytes },
    ),
    ...(hasQueue && {
      queueProducers: { USAGE_QUEUE: QUEUE },
      queueConsumers: { [QUEUE]: { maxBatchSize: 100, maxBatchTimeout: 1, maxRetries: 100 } },
    }),
  }
  const miniflare = new Miniflare(convertV4MiniflareOptions(worker))
  await miniflare.ready
  return {
    async end(organizationId, batches, events) {
      const url = `http://isolate/${organizationId}/${events}`
      const answers = await Promise.all(Array.from({ length: batches }, () => miniflare.dispatchFetch(url)))
      const failed = answers.find(({ status }) => status !== 204)
      if (failed) throw new Error(`A batch was answered with ${failed.status}.`)
    },
    stop: () => miniflare.dispose(),
  }
}
