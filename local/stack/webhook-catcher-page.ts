import type { IncomingHttpHeaders } from 'node:http'
import { escapeHtml, page } from './pages.ts'

/** Received webhooks, for people. */
export function webhooksPage(caught: readonly Caught[]): string {
  const clear = `<button onclick="fetch('/webhooks', { method: 'DELETE' }).then(() => location.reload())">Clear</button>`
  const list = caught.map(article).join('') || '<p>Nothing arrived yet.</p>'
  return page('Webhooks', caught.length > 0 ? clear + list : list)
}

function article({ path, headers, body, received_at }: Caught): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}`)
  return `<article>
    <h2>${escapeHtml(readType(body))}</h2>
    <small>to ${escapeHtml(path)}, <time>${received_at}</time></small>
    <pre>${escapeHtml(body)}</pre>
    <details><summary>Headers</summary><pre>${escapeHtml(lines.join('\n'))}</pre></details>
  </article>`
}

function readType(body: string): string {
  try {
    const { type } = JSON.parse(body) as { type?: unknown }
    return typeof type === 'string' ? type : 'Request'
  } catch {
    return 'Request'
  }
}

/** A webhook as it arrived. */
export interface Caught {
  readonly id: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** Exactly the bytes that were signed. */
  readonly body: string
  /** ISO 8601, UTC. */
  readonly received_at: string
}
