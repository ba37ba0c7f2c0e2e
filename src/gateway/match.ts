/** Finds the route of a request, and its upstream address. Pure. */
import { isPlain, listReadings } from './path.ts'
import type { Route } from './route.ts'

/** The target of a request: a slug under Tollgate's own address, or a host of the gateway. */
export interface Wanted {
  readonly host: string | undefined
  /** As it was sent, percent-encoded. */
  readonly path: string
}

export interface Match {
  readonly route: Route
  /** The path as the route sees it, without the slug. Begins with a slash. */
  readonly path: string
  /** The part of the caller's address before that path. */
  readonly base: string
}

const UNDER_SLUG = /^\/gw\/([^/]+)(\/.*)?$/s

/** @returns the route whose prefix is the longest; `undefined` if there is none */
export function matchRoute(routes: readonly Route[], { host, path }: Wanted): Match | undefined {
  if (host !== undefined) {
    const [route] = routes
      .filter((one) => one.host === host && isBelow(path, one.pathPrefix))
      .toSorted((a, b) => b.pathPrefix.length - a.pathPrefix.length)
    return route && { route, path, base: '' }
  }
  const [, slug, rest = '/'] = UNDER_SLUG.exec(path) ?? []
  const route = routes.find((one) => one.slug === slug)
  return route && isBelow(rest, route.pathPrefix) ? { route, path: rest, base: `/gw/${route.slug}` } : undefined
}

const isBelow = (path: string, prefix: string) =>
  prefix === '/' || path === prefix || (path.startsWith(prefix) && path[prefix.length] === '/')

/**
 * Whether the upstream may read the path as one of another route of the same host, with a longer prefix: `/%61dmin` as `/admin`.
 * A route that is found by its slug has no such path either.
 */
export function belongsElsewhere(routes: readonly Route[], { route, path }: Match): boolean {
  if (route.host === null) return false
  const longer = routes.filter((one) => one.host === route.host && one.plainPrefix.length > route.plainPrefix.length)
  if (longer.length === 0) return false
  const readings = listReadings(path)
  return longer.some(({ plainPrefix }) => readings.some((reading) => isBelow(reading, plainPrefix)))
}

/** Whether a path needs no key. One that an upstream may read as another path always needs one. */
export function isPublic({ publicPaths }: Route, path: string): boolean {
  if (publicPaths.length === 0 || !isPlain(path)) return false
  return publicPaths.some((one) => (one.endsWith('/*') ? isBelow(path, one.slice(0, -2) || '/') : path === one))
}

/** @returns the URL upstream */
export function targetUrl({ route, path }: Match, search: string): string {
  const { pathPrefix, stripPrefix, upstream } = route
  const rest = stripPrefix && pathPrefix !== '/' ? path.slice(pathPrefix.length) : path
  return upstream + (rest === '' || rest === '/' ? (rest === '' && !search ? '' : '/') : rest) + search
}

/** Segments with a digit are treated as ids, except versions such as `v1`; so are longer segments. */
const MAX_SEGMENT = 32
const MAX_SEGMENTS = 6
const isName = (segment: string) =>
  segment.length <= MAX_SEGMENT && (/^v\d{1,2}([a-z]+\d{0,2})?$/.test(segment) || /^[A-Za-z_.~-]*$/.test(segment))

/** The endpoint name for statistics: the path with ids replaced, so that there are few names. */
export function describeEndpoint({ route, path }: Match): string {
  const segments = path.split('/').slice(1)
  const named = segments.slice(0, MAX_SEGMENTS).map((segment) => (isName(segment) ? segment : '*'))
  return `/${[route.slug, ...named, ...(segments.length > MAX_SEGMENTS ? ['…'] : [])].join('/')}`
}
