/**
 * Keeps a module out of an isolate's start: it is imported at its first use, and kept.
 *
 * Once it is kept, no request waits for an import. Requests that share one would wait for each other, and workerd cancels
 * a request that waits for another's work.
 */
export function lazily<Module>(load: () => Promise<Module>): () => Module | Promise<Module> {
  let kept: Module | undefined
  async function loadFirst(): Promise<Module> {
    kept = await load()
    return kept
  }
  return () => kept ?? loadFirst()
}
