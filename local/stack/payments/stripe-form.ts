/** A form as Stripe accepts it: `items[0][price]=x` is `{ items: { 0: { price: 'x' } } }`; arrays are objects by number. */
export interface Form {
  readonly [name: string]: string | Form
}

export function parseForm(body: string): Form {
  const root: Record<string, unknown> = Object.create(null)
  let counted = 0
  for (const [key, value] of new URLSearchParams(body)) {
    const names = key.split(/[[\]]+/).filter((name, at, all) => name !== '' || at < all.length - 1)
    const path = names.map((name) => (name === '' ? String(counted++) : name)) // `expand[]`
    put(root, path, value)
  }
  return root as Form
}

function put(root: Record<string, unknown>, path: readonly string[], value: string): void {
  let at = root
  for (const name of path.slice(0, -1)) {
    at[name] = typeof at[name] === 'object' ? at[name] : Object.create(null)
    at = at[name] as Record<string, unknown>
  }
  at[path.at(-1) ?? ''] = value
}

/** @returns the text at a path, `undefined` if there is none */
export function textAt(form: Form, ...path: readonly string[]): string | undefined {
  let at: string | Form | undefined = form
  for (const name of path) at = typeof at === 'object' ? at[name] : undefined
  return typeof at === 'string' ? at : undefined
}

/** @returns the texts below a path, by name */
export function textsAt(form: Form, ...path: readonly string[]): Record<string, string> {
  let at: string | Form | undefined = form
  for (const name of path) at = typeof at === 'object' ? at[name] : undefined
  const entries = typeof at === 'object' ? Object.entries(at) : []
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}
