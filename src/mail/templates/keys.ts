import type { Content } from './render.tsx'

interface Leak {
  readonly service: string
  /** Of the person who is told. */
  readonly name: string | null
  readonly organization: string
  readonly key: { readonly name: string; readonly hint: string }
  /** Where it was found, as far as the scanner said. */
  readonly places: readonly string[]
  /** When it was switched off, in Unix milliseconds. */
  readonly at: number
}

/** For an organization's owners: a key of theirs can be read by anybody. */
export function leakedKey({ service, name, organization, key, places, at }: Leak): Content {
  const time = `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
  return {
    subject: `An API key was found in public and switched off (${service})`,
    name,
    paragraphs: [
      `Secret scanning found the API key ${key.name} (${key.hint}) of ${organization} in a public place.`,
      ...places.map((place) => `It was found at ${place}`),
      `It was switched off on ${time}; requests with it are refused since then.`,
    ],
    closing: [
      'Rotate the key: the new one has the same settings and works at once. Put it wherever the old one was used.',
      'Deleting the public place is not enough, since others may have copied the key. Look through its usage for what was not yours.',
    ],
  }
}
