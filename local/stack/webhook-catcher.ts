import { randomUUID } from 'node:crypto'
import { type Call, html, json, type Reply } from './http.ts'
import type { Part } from './memory.ts'
import { type Caught, webhooksPage } from './webhook-catcher-page.ts'

/** The oldest request to an address is dropped when this many to it are stored, so that a busy address displaces no other's. */
const MAX_REQUESTS = 100
/** The oldest of all is dropped when this many are stored. */
const MAX_OF_ALL = 5_000

export const CATCH = '/webhooks/catch'

/**
 * A receiver of webhooks: `POST /webhooks/catch`, and any one name below it, stores what arrives. It answers 204, or what
 * its address requests for practice: `?status=410`, `?bytes=1000000` of body.
 */
export function createCatcher() {
  let caught: Caught[] = []

  function take({ url, headers, body }: Call): Reply {
    const received_at = new Date().toISOString()
    const added: Caught = { id: randomUUID(), path: url.pathname, headers, body, received_at }
    const oldest = caught.filter(({ path }) => path === added.path)[MAX_REQUESTS - 1]
    caught = [added, ...caught.filter((one) => one !== oldest)].slice(0, MAX_OF_ALL)
    return replyFor(url.searchParams)
  }

  /** Newest first; with `?path=` only requests to that path. */
  function show({ url, headers }: Call): Reply {
    const path = url.searchParams.get('path')
    const list = path === null ? caught : caught.filter((one) => one.path === path)
    const wantsJson = url.searchParams.get('format') === 'json' || headers.accept?.includes('application/json')
    return wantsJson ? json(200, list) : html(200, webhooksPage(list))
  }

  const memory: Part<Caught[]> = { read: () => caught, restore: (kept) => void (caught = kept) }
  return { take, show, clear: () => void (caught = []), memory }
}

function replyFor(asked: URLSearchParams): Reply {
  const status = Number(asked.get('status') ?? 204)
  if (!Number.isInteger(status) || status < 200 || status > 599)
    return json(400, { error: 'invalid_status', message: 'status must be 200 to 599' })
  const body = 'x'.repeat(Math.min(Number(asked.get('bytes')) || 0, 10_000_000))
  const isRedirect = status >= 300 && status < 400
  return { status, type: 'text/plain', body, ...(isRedirect && { headers: { location: `${CATCH}/redirected` } }) }
}
