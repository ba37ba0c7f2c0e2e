export interface Lru<V> {
  get(key: string): V | undefined
  set(key: string, value: V): void
  delete(key: string): void
  readonly size: number
}

/** A map that drops the least recently used entry once it has more than `capacity`. */
export function createLru<V>(capacity: number): Lru<V> {
  const entries = new Map<string, V>() // a Map keeps the order of insertion, so the first entry is the oldest
  return {
    get(key) {
      const value = entries.get(key)
      if (value === undefined) return undefined
      entries.delete(key)
      entries.set(key, value)
      return value
    },
    set(key, value) {
      entries.delete(key)
      entries.set(key, value)
      if (entries.size > capacity) entries.delete(entries.keys().next().value as string)
    },
    delete: (key) => void entries.delete(key),
    get size() {
      return entries.size
    },
  }
}
