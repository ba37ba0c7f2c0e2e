const loaders = new Set<() => unknown>()

/**
 * Keeps a module out of an isolate's startup: it is imported on first use, and kept.
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
  const get = () => kept ?? loadFirst()
  loaders.add(get)
  return get
}

/**
 * Imports every such module now, including those that an imported one names. For the tests: vitest's `import()` shares one
 * promise among the requests that use it at once.
 */
export async function loadEverything(): Promise<void> {
  const asked = new Set<() => unknown>()
  while (asked.size < loaders.size) {
    for (const get of loaders) {
      if (asked.has(get)) continue
      asked.add(get)
      await get()
    }
  }
}
