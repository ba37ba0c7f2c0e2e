import type { Deps } from '../deps.ts'
import { fetchText } from '../http/fetch-json.ts'
import { emailDomain } from '../lib/email-address.ts'
import { errorFields, log } from '../lib/log.ts'
import { Problem } from '../problems.ts'

/** Lists have 4,000 to 100,000 domains. */
const MAX_BYTES = 3 * 1024 * 1024
/** How long to wait before a failed download of the list is retried. */
const PAUSE_SECONDS = 60

type Lookup = Pick<Deps, 'config' | 'now'>

interface List {
  readonly url: string
  readonly domains: ReadonlySet<string>
  /** In Unix milliseconds. */
  readonly freshUntil: number
}

/** This isolate's copy. */
let list: List | undefined

/**
 * Whether an address belongs to a service that gives anybody throwaway addresses, according to the operator's chosen list. If
 * the list does not arrive in time, the previous one is used, or none, and `disposable_list_unavailable` is logged.
 *
 * @returns false when DISPOSABLE_DOMAINS_URL is not set
 */
export async function isDisposable(deps: Lookup, email: string): Promise<boolean> {
  const url = deps.config.DISPOSABLE_DOMAINS_URL
  if (!url) return false
  const { domains } = await loadList(deps, url)
  const labels = emailDomain(email).split('.')
  return labels.some((_, at) => domains.has(labels.slice(at).join('.'))) // a domain's entry covers its subdomains
}

/** @throws Problem `email_disposable` */
export async function requireLasting(deps: Lookup, email: string): Promise<void> {
  if (await isDisposable(deps, email)) throw new Problem('email_disposable')
}

const findFresh = (url: string, at: number) => (list?.url === url && list.freshUntil > at ? list : undefined)

async function loadList({ config, now }: Lookup, url: string): Promise<List> {
  const fresh = findFresh(url, now())
  if (fresh) return fresh
  try {
    const wanted = { accept: 'text/plain', timeoutMs: config.DISPOSABLE_DOMAINS_TIMEOUT_MS, maxBytes: MAX_BYTES }
    const { content, freshSeconds } = await fetchText(url, wanted)
    list = { url, domains: parse(content), freshUntil: now() + freshSeconds * 1_000 }
  } catch (error) {
    log('warn', 'disposable_list_unavailable', errorFields(error))
    list = findFresh(url, now()) ?? keepLast(url, now()) // another request may have been faster
  }
  return list
}

const keepLast = (url: string, at: number): List => ({
  url,
  domains: list?.url === url ? list.domains : new Set(),
  freshUntil: at + PAUSE_SECONDS * 1_000,
})

const DOMAIN = /^([\p{L}\p{N}_-]+\.)+[\p{L}\p{N}-]+$/u
/** The percentage of lines that may not be domains. A higher one means another format, or another page. */
const MAX_STRAYS = 1

/**
 * One domain per line; lines that begin with `#` or `//` are comments.
 *
 * @throws Error if the text is not a list of domains: using it would silently admit everybody
 */
function parse(text: string): Set<string> {
  const lines = text.split('\n').map((line) => line.trim().toLowerCase())
  const said = lines.filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('//'))
  const domains = said.filter((line) => DOMAIN.test(line))
  if (domains.length === 0 || (said.length - domains.length) * 100 > said.length * MAX_STRAYS)
    throw new Error('The answer is no list of domains, one on each line.')
  return new Set(domains)
}
