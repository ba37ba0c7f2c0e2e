/** The fields of a quota as Redis has it (src/limits/quota-script.ts), for programs that only look; none when there is none. */
export function parseQuota(text: string | null): Record<string, number> {
  const pairs = (text ?? '').matchAll(/(\S+) (\S+)/g)
  return Object.fromEntries([...pairs].map(([, field = '', units]) => [field, Number(units)]))
}
