import { type Answer, call } from '../support/http.ts'
import type { Operation } from '../support/openapi.ts'
import { bodiesOf, type Document, UNKNOWN } from './bodies.ts'
import { isOrganization, type Place, placesOf, requestOf, shown } from './places.ts'
import type { World } from './world.ts'

/** An operation with its places for ids. */
export interface Walked {
  readonly operation: Operation
  readonly places: readonly Place[]
}

export function walkedOf(operations: readonly Operation[], document: Document): Walked[] {
  return operations.map((operation) => ({ operation, places: placesOf(operation, document) }))
}

/** What a test cannot walk: an id of unknown kind. */
export function unknownPlaces(walked: readonly Walked[]): string[] {
  return walked.flatMap(({ operation, places }) =>
    places
      .filter(({ kind }) => !kind)
      .map((place) => `${operation.line}: what is ${shown(place)} an id of? (test/isolation/places.ts)`),
  )
}

/** Processes all, a few concurrently, and returns the findings in order. */
export async function findingsOf<T>(all: readonly T[], work: (one: T) => Promise<string[]>): Promise<string[]> {
  const found: string[][] = []
  let next = 0
  const worker = async () => {
    for (let at = next++; at < all.length; at = next++) found[at] = await work(all[at] as T)
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  return found.flat()
}

/** One request to a route: which of its places have another's id, and the rest the caller's own or none. */
export interface Case extends Walked {
  readonly foreign: ReadonlyMap<Place, number>
  /** Which of the route's bodies. */
  readonly which: number
}

/** Each place alone with each of the stranger's ids; then all of the path, and all together. With each body. */
export function casesOf(
  { operation, places }: Walked,
  { document, stranger }: Pick<Worlds, 'document' | 'stranger'>,
): Case[] {
  const alone = places.flatMap((place) => idsOf(stranger, place).map((_, variant) => new Map([[place, variant]])))
  const inPath = places.filter((place) => place.in === 'path')
  const outside = places.filter((place) => place.in !== 'body')
  const together = [inPath, outside].filter((some) => some.length > 1)
  const all = [...alone, ...together.map((some) => new Map(some.map((place) => [place, 0])))]
  const bodies = bodiesOf(operation, document, stranger)
  return all.flatMap((foreign) => bodies.map((_, which) => ({ operation, places, foreign, which })))
}

/** None of a kind that nobody knows: `unknownPlaces` tells of those. */
const idsOf = ({ ids }: World, { kind }: Place): readonly string[] =>
  kind && kind in ids ? ids[kind as keyof typeof ids] : []

const unknownId = ({ kind }: Place) => UNKNOWN[kind ?? 'key']()

/** A world's own ids for every place of a path. */
export function pathIdsOf(places: readonly Place[], world: World): Record<string, string> {
  const inPath = places.filter((place) => place.in === 'path')
  return Object.fromEntries(inPath.map((place) => [shown(place), idsOf(world, place)[0] ?? unknownId(place)]))
}

interface Worlds {
  readonly document: Document
  readonly own: World
  readonly stranger: World
  readonly token: string
}

/** Sends the stranger's ids and unknown ones. @returns how the two responses can be distinguished */
export async function toldApart(one: Case, { document, own, stranger, token }: Worlds): Promise<string[]> {
  const ask = async (foreignId: (place: Place, variant: number) => string) => {
    const foreign = [...one.foreign].map(([place, variant]) => [shown(place), foreignId(place, variant)] as const)
    const ids = { ...pathIdsOf(one.places, own), ...Object.fromEntries(foreign) }
    const { line, body } = requestOf(one.operation, { document, own, ids, which: one.which })
    const answer = await call(line, { token, body })
    return { status: answer.status, text: comparable(answer, Object.values(ids)) }
  }
  const [theirs, nobodys] = await Promise.all([
    ask((place, variant) => idsOf(stranger, place)[variant] ?? ''),
    ask(unknownId),
  ])
  const places = [...one.foreign].map(([place, variant]) => `${shown(place)} (${variant})`).join(', ')
  const what = `${one.operation.line} with ${places}`
  if (!saysSomething(one, nobodys.status)) return [`${what}: is no good question: ${nobodys.text}`]
  if (theirs.text === nobodys.text) return []
  return [`${what}: a stranger's id got ${differing(theirs.text, nobodys.text)}`]
}

/** The first response from shortly before where it differs from the second one. */
function differing(one: string, other: string): string {
  const at = [...one].findIndex((character, at) => character !== other[at])
  const [shownOne, shownOther] = [one, other].map((text) => text.slice(Math.max(0, at - 20), at + 80))
  return `${one.slice(0, 3)} …${shownOne}… instead of ${other.slice(0, 3)} …${shownOther}…`
}

/** Whether a response is about the id: an id in a body may make it an invalid one. */
const saysSomething = ({ foreign }: Case, status: number) =>
  status < 500 && status !== 429 && (status !== 400 || [...foreign.keys()].some((place) => place.in === 'body'))

const OF_ONE_ANSWER = new Set(['x-request-id', 'date', 'content-length'])

/** A response without per-request values: its own id, and the ids that were sent. */
export function comparable({ status, headers, body }: Answer, ids: readonly string[] = []): string {
  const shownHeaders = [...headers].filter(([name]) => !OF_ONE_ANSWER.has(name))
  const { request_id: _, ...rest } = typeof body === 'object' && body !== null ? body : { body }
  const text = `${status} ${JSON.stringify(rest)} ${JSON.stringify(shownHeaders)}`
  return ids.reduce((all, id) => (id ? all.replaceAll(id, 'ID') : all), text)
}

const REFUSED = new Set([
  'unauthenticated',
  'forbidden',
  'user_only',
  'organization_not_found',
  'not_found',
  'two_factor_required',
])
const BAD_REQUEST = new Set([400, 413, 415, 422])

/**
 * How far a request got: the code with which the guard refused it, or `in`. What this deployment has no settings for is
 * refused behind the guard.
 */
export function reached({ status, body }: Answer): string {
  if (REFUSED.has(body?.code)) return body.code
  const isBad = BAD_REQUEST.has(status) || (status >= 500 && body?.code !== 'misconfigured')
  return isBad ? `${status} ${JSON.stringify(body?.errors ?? body)}` : 'in'
}

/** The caller: a member or a key, and for which organization. */
interface Asker {
  readonly organization: string
  /** For a route that names the organization. */
  readonly named: string
  /** For one that depends on the caller. */
  readonly active: string
}

/** Sends the caller's own organization, and unknown objects in it. */
export async function askAs(
  { operation, places }: Walked,
  asker: Asker,
  { document, own }: Omit<Worlds, 'token' | 'stranger'>,
) {
  const isNamed = places.some(isOrganization)
  const ids = Object.fromEntries(
    places.flatMap((place) => {
      if (isOrganization(place)) return [[shown(place), asker.organization]]
      return place.in === 'path' ? [[shown(place), unknownId(place)]] : []
    }),
  )
  const { line, body } = requestOf(operation, { document, own, ids })
  return reached(await call(line, { token: isNamed ? asker.named : asker.active, body }))
}
