/** The fields of a quota in Redis (src/limits/scripts/quota.ts), for programs that only read; empty if there is none. */
export function parseQuota(text: string | null): Record<string, number> {
  const pairs = (text ?? '').matchAll(/(\S+) (\S+)/g)
  return Object.fromEntries([...pairs].map(([, field = '', units]) => [field, Number(units)]))
}
