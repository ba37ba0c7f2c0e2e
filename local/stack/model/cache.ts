import type { PromptUsage } from './dialect.ts'
import { countTokens, type ModelRequest } from './words.ts'

/** The oldest entry is dropped when this many are stored. */
const MAX_ENTRIES = 10_000

/** Remembers the beginnings of prompts by caller and model, as providers do. */
export function createPromptCache() {
  const known = new Set<string>()

  /** @returns how many tokens there are, how many were read from the cache, and how many are written to it now */
  function read(key: string, { model, prompt }: ModelRequest): PromptUsage {
    const ends = prompt.flatMap(({ isBreakpoint }, at) => (isBreakpoint ? [at + 1] : []))
    const name = (end: number) =>
      JSON.stringify([key, model, prompt.slice(0, end).map(({ role, text }) => [role, text])])
    const upTo = (end = 0) => countTokens(prompt.slice(0, end))
    const cacheRead = upTo(ends.findLast((end) => known.has(name(end))))
    for (const end of ends) known.add(name(end))
    for (const oldest of known) {
      if (known.size <= MAX_ENTRIES) break
      known.delete(oldest)
    }
    return { input: countTokens(prompt), cacheRead, cacheWritten: upTo(ends.at(-1)) - cacheRead }
  }

  return { read, clear: () => known.clear() }
}
