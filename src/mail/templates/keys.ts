import type { Content } from './render.tsx'

interface Leak {
  readonly service: string
  /** The recipient's name. */
  readonly name: string | null
  readonly organization: string
  readonly key: { readonly name: string; readonly hint: string }
  /** Where it was found, if the scanner said so. */
  readonly places: readonly string[]
  /** When it was disabled, in Unix milliseconds. */
  readonly at: number
}

/** For an organization's owners: one of their keys is public. */
export function leakedKey({ service, name, organization, key, places, at }: Leak): Content {
  const time = `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
  return {
    subject: `A leaked API key was disabled (${service})`,
    name,
    paragraphs: [
      `Secret scanning found the API key ${key.name} (${key.hint}) of ${organization} in a public place.`,
      ...places.map((place) => `It was found at ${place}`),
      `It was disabled on ${time}. Requests with it have been refused since then.`,
    ],
    closing: [
      'Rotate the key. The new key has the same settings and works at once. Replace the old key wherever it is used.',
      'Removing the key from the public place is not enough, because others may have copied it. Check its usage for requests that were not yours.',
    ],
  }
}
