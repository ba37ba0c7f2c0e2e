import { readFile, rename, writeFile } from 'node:fs/promises'
import { deserialize, serialize } from 'node:v8'

/** At most this much is lost when the process is killed. */
const SAVE_EVERY_MS = 3_000
/** Raised when the format of a part's state changes: state of an older version is then ignored. */
const FORMAT = 1

/** A part of the stack that keeps state in memory. The result of `read` is copied, so it may be the state itself. */
export interface Part<State = unknown> {
  read(): State | Promise<State>
  restore(state: State): void | Promise<void>
}

/** By name: each part restores what it returned itself. */
export type Parts = Readonly<Record<string, { read(): unknown; restore(state: never): void | Promise<void> }>>

export interface Memory {
  /** Writes a last time and stops. A failed write is only reported: nothing may keep the rest from closing. */
  close(): Promise<void>
}

/**
 * Saves the state of parts to a file, so that it survives a restart. Maps, dates and objects that several parts of the
 * state share come back as they were.
 *
 * @param warn called if the file's content cannot be restored; the part then starts empty
 */
export async function keepMemory(file: string, parts: Parts, warn: (line: string) => void): Promise<Memory> {
  await restore(file, parts, warn)
  let last: Buffer | undefined
  let writing = Promise.resolve()

  async function save(): Promise<void> {
    const states = await Promise.all(Object.entries(parts).map(async ([name, part]) => [name, await part.read()]))
    const bytes = serialize({ format: FORMAT, states: Object.fromEntries(states) })
    if (last?.equals(bytes)) return
    await writeFile(`${file}.new`, bytes, { mode: 0o600 })
    await rename(`${file}.new`, file) // written whole or not at all
    last = bytes
  }
  const saveNext = () => (writing = writing.then(save, save))
  const timer = setInterval(() => void saveNext().catch(() => undefined), SAVE_EVERY_MS)
  timer.unref()

  return {
    async close() {
      clearInterval(timer)
      await saveNext().catch((error) => warn(`The last seconds were not saved to ${file}: ${String(error)}`))
    },
  }
}

/** A map that is restored in place. */
export function mapPart<Key, Value>(map: Map<Key, Value>): Part<Map<Key, Value>> {
  return {
    read: () => map,
    restore(kept) {
      for (const [key, value] of kept) map.set(key, value)
    },
  }
}

async function restore(file: string, parts: Parts, warn: (line: string) => void): Promise<void> {
  const bytes = await readFile(file).catch(() => undefined)
  if (!bytes) return
  try {
    const { format, states } = deserialize(bytes) as { format: number; states: Record<string, never> }
    if (format !== FORMAT) throw new Error(`it has format ${format}`)
    for (const [name, part] of Object.entries(parts)) if (name in states) await part.restore(states[name] as never)
  } catch (error) {
    warn(`Outbox, counters and subscriptions begin empty: ${file} cannot be read (${String(error)}).`)
  }
}
