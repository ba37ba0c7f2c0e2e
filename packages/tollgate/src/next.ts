import { type FetchNeed, requireKey as requireKeyOfRequest } from './fetch.ts'
import type { Client, KeyContext } from './protect.ts'

export type { KeyContext, Need, Used } from './protect.ts'

/** What Next.js gives a route handler beside the request. */
interface RouteContext {
  readonly params: Promise<Readonly<Record<string, string | string[] | undefined>>>
}

type RouteHandler<Context, Req> = (
  request: Req,
  context: Context & { readonly key: KeyContext },
) => Response | Promise<Response>

/**
 * Lets a route handler of Next.js run for those who have a valid key: `export const GET = requireKey(…)`. Give `after`
 * of `next/server` as `waitUntil`. Name the type of your handler's request if it is `NextRequest`. The endpoint is the route with its parameters in brackets, `/orders/[id]`.
 */
export function requireKey<Context extends RouteContext, Req extends Request = Request>(
  client: Client,
  need: FetchNeed,
  handler: RouteHandler<Context, Req>,
): (request: Req, context: Context) => Promise<Response> {
  return async function withKey(request, context) {
    const endpoint = need.endpoint ?? describeRoute(request, await context.params)
    const guarded = requireKeyOfRequest<[Context]>(client, { ...need, endpoint }, (_, key, given) =>
      handler(request, { ...given, key }),
    )
    return guarded(request, context)
  }
}

/** Puts the names of parameters where their values are, from the end: there the parameters of a route mostly stand. */
function describeRoute({ url }: Request, params: Readonly<Record<string, string | string[] | undefined>> = {}): string {
  const segments = new URL(url).pathname.split('/')
  const entries = Object.entries(params)
  for (let last = entries.length - 1; last >= 0; last--) {
    const [name, value] = entries[last] ?? ['', undefined]
    const values = [value ?? []].flat()
    const at = findLast(segments, values)
    if (at >= 0) segments.splice(at, values.length, Array.isArray(value) ? `[...${name}]` : `[${name}]`)
  }
  return segments.join('/')
}

/** @returns where the values stand one after the other; -1 if they do not */
function findLast(segments: readonly string[], values: readonly string[]): number {
  if (values.length === 0) return -1
  for (let at = segments.length - values.length; at >= 0; at--)
    if (values.every((value, next) => segments[at + next] === value || decode(segments[at + next]) === value)) return at
  return -1
}

function decode(segment = ''): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
