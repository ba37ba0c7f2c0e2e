import { VERSION } from '../version.ts'

/** How long a fetched document is fresh, whatever its server says. */
const MIN_FRESH_SECONDS = 60
const MAX_FRESH_SECONDS = 3_600
/** If the server says nothing. */
const USUAL_FRESH_SECONDS = 300

/** The answer is not what was asked for. The message quotes nothing of it. */
export class UnusableAnswer extends Error {}

interface Wanted {
  readonly accept: string
  readonly timeoutMs: number
  readonly maxBytes: number
}

interface Fetched<Content> {
  readonly content: Content
  /** How long it is fresh, in seconds. */
  readonly freshSeconds: number
  /** Its media type, as its server declares it. */
  readonly type: string
}

/** Fetches a JSON document from another server, like {@link fetchText}. @throws UnusableAnswer also if it is not JSON */
export async function fetchJson(url: string, wanted: Wanted): Promise<Fetched<unknown>> {
  const { content, freshSeconds, type } = await fetchText(url, wanted)
  if (!/^application\/([\w.-]+\+)?json\b/i.test(type)) throw new UnusableAnswer('Its answer is no JSON.')
  return { content: parse(content), freshSeconds, type }
}

/**
 * Fetches a text from another server. Redirects are not followed, and the body is read up to a limit.
 *
 * @throws UnusableAnswer for another status than 200 or too large a body; the runtime's own error if no answer comes in time
 */
export async function fetchText(url: string, { accept, timeoutMs, maxBytes }: Wanted): Promise<Fetched<string>> {
  const response = await fetch(url, {
    headers: { Accept: accept, 'User-Agent': `Tollgate/${VERSION}` },
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  })
  if (response.status !== 200) {
    await response.body?.cancel().catch(() => undefined)
    throw new UnusableAnswer(`It answered ${response.status}.`)
  }
  const { headers } = response
  const type = headers.get('Content-Type') ?? ''
  return { content: await readText(response, maxBytes), freshSeconds: readFreshSeconds(headers), type }
}

async function readText({ body }: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder()
  let bytes = 0
  let text = ''
  for await (const chunk of body ?? []) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new UnusableAnswer(`Its answer has more than ${maxBytes} bytes.`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/** @throws UnusableAnswer; the runtime's own error would quote the text */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new UnusableAnswer('Its answer is no JSON.')
  }
}

/** The lifetime in `Cache-Control` (RFC 9111 §5.2.2), minus what caches on the way have used of it, within our bounds. */
function readFreshSeconds(headers: Headers): number {
  const control = headers.get('Cache-Control') ?? ''
  if (/\bno-(store|cache)\b/i.test(control)) return MIN_FRESH_SECONDS
  const maxAge = /\bmax-age="?(\d{1,10})/i.exec(control)?.[1]
  if (maxAge === undefined) return USUAL_FRESH_SECONDS
  const age = Number(/^\d{1,10}$/.exec(headers.get('Age') ?? '')?.[0] ?? 0)
  return Math.min(Math.max(Number(maxAge) - age, MIN_FRESH_SECONDS), MAX_FRESH_SECONDS)
}
