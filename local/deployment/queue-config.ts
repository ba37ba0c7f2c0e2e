/** The queue of usage in wrangler.toml, where it is commented out until somebody wants it (docs/operate/scale.md). */
import { readFile, writeFile } from 'node:fs/promises'
import type { Wrangler } from './wrangler.ts'

const BLOCK = /^#\[\[queues\.producers\]\]\n(?:#.*\n)*/m

/**
 * Removes the comment marks. A configuration that already has the queue is not changed.
 *
 * @throws Error if it has neither the queue nor the commented lines
 */
export function addQueue(config: string): string {
  if (/^\[\[queues\.producers\]\]/m.test(config)) return config
  if (!BLOCK.test(config))
    throw new Error('The configuration has no lines #[[queues.producers]] to take the marks from.')
  return config.replace(BLOCK, (block) => block.replaceAll(/^#/gm, ''))
}

/** The queues that it names: the usage queue and its dead letter queue. */
function listQueues(config: string): string[] {
  return [...new Set([...config.matchAll(/^(?:queue|dead_letter_queue) = "([^"]+)"/gm)].map(([, name = '']) => name))]
}

/** Creates missing queues, then writes them into the configuration. It can be repeated. */
export async function makeQueues({ config, wrangler }: { config: string; wrangler: Wrangler }): Promise<void> {
  const text = addQueue(await readFile(config, 'utf8'))
  const there = new Set((await wrangler(['queues', 'list', '--config', config])).split(/[^\w-]+/))
  const missing = listQueues(text).filter((name) => !there.has(name))
  for (const name of missing) await wrangler(['queues', 'create', name, '--config', config])
  await writeFile(config, text)
}
