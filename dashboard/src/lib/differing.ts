/**
 * The members that differ, as they are afterwards; one that is gone is null. A form sends these alone, so that it neither undoes
 * what somebody else has changed since it was opened nor asks for rights over what it does not change.
 */
export function differing(before: object, after: object): Record<string, unknown> {
  const [was, is] = [new Map<string, unknown>(Object.entries(before)), new Map<string, unknown>(Object.entries(after))]
  const names = [...new Set([...was.keys(), ...is.keys()])]
  const changed = names.filter((name) => JSON.stringify(was.get(name)) !== JSON.stringify(is.get(name)))
  return Object.fromEntries(changed.map((name) => [name, is.get(name) ?? null]))
}
