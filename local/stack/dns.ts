import * as z from 'zod'
import { type Call, html, json, parseJson, type Reply, type Route } from './http.ts'
import { mapPart, type Part } from './memory.ts'
import { escapeHtml, page } from './pages.ts'

const QUERY = '/dns-query'
const RECORDS = '/dns/'
/** RFC 1035, sections 3.2.2 and 4.1.1. */
const TXT = 16
const TYPES: Readonly<Record<string, number>> = { A: 1, AAAA: 28, CNAME: 5, MX: 15, TXT }
const NO_ERROR = 0
const NO_SUCH_NAME = 3
/** A string of a record has at most 255 bytes (RFC 1035, section 3.3.14). */
const MAX_STRING = 255

const Texts = z.array(z.string().max(2_000))

interface Zone {
  readonly routes: Record<string, Route>
  readonly memory: Part<Map<string, readonly string[]>>
}

/**
 * A DNS with TXT records, which answers like Cloudflare and Google over HTTPS: `GET /dns-query?name=&type=TXT`. `PUT /dns/{name}`
 * sets the texts of a name from a JSON list; `GET /dns` is a page to set them.
 */
export function openDns(): Zone {
  const records = new Map<string, readonly string[]>()
  const routes = {
    [`GET ${QUERY}`]: { door: 'dns', answer: (call: Call) => answerQuery(records, call) },
    [`PUT ${RECORDS}*`]: { answer: (call: Call) => setTexts(records, call) },
    'GET /dns': { answer: () => html(200, dnsPage(records)) },
  } as const satisfies Record<string, Route>
  return { routes, memory: mapPart(records) }
}

function answerQuery(records: ReadonlyMap<string, readonly string[]>, { url }: Call): Reply {
  const name = toName(url.searchParams.get('name') ?? '')
  const type = TYPES[url.searchParams.get('type') ?? 'A']
  if (name === '' || type === undefined) return json(400, { error: 'Invalid query name or type.' })
  const texts = records.get(name)
  const answers = type === TXT ? (texts ?? []) : []
  return {
    ...json(200, {
      Status: texts ? NO_ERROR : NO_SUCH_NAME,
      TC: false,
      RD: true,
      RA: true,
      AD: false,
      CD: false,
      Question: [{ name, type }],
      ...(answers.length > 0 && { Answer: answers.map((text) => ({ name, type: TXT, TTL: 60, data: quote(text) })) }),
    }),
    type: 'application/dns-json',
  }
}

/** As in a zone file: strings of at most 255 bytes, each in quotes. */
function quote(text: string): string {
  const parts = text.match(new RegExp(`.{1,${MAX_STRING}}`, 'gs')) ?? ['']
  return parts.map((part) => `"${part.replaceAll(/["\\]/g, String.raw`\$&`)}"`).join(' ')
}

function setTexts(records: Map<string, readonly string[]>, { url, body }: Call): Reply {
  const name = toName(decodeURIComponent(url.pathname.slice(RECORDS.length)))
  const texts = Texts.safeParse(parseJson(body))
  if (!texts.success) return json(400, { error: 'invalid_request', message: z.prettifyError(texts.error) })
  if (texts.data.length === 0) records.delete(name)
  else records.set(name, texts.data)
  return json(200, { name, texts: texts.data })
}

const toName = (text: string) => text.toLowerCase().replace(/\.$/, '')

function dnsPage(records: ReadonlyMap<string, readonly string[]>): string {
  const rows = [...records].map(
    ([name, texts]) => `<article><h2>${escapeHtml(name)}</h2><pre>${escapeHtml(texts.join('\n'))}</pre></article>`,
  )
  const form = `<form onsubmit="event.preventDefault(); fetch('/dns/' + encodeURIComponent(this.name.value), { method: 'PUT',
    body: JSON.stringify(this.text.value.split('\\n').filter(Boolean)) }).then(() => location.reload())">
    <p><label>Name<br><input name="name" required size="60"></label></p>
    <p><label>Texts, one a line; none to remove the name<br><textarea name="text" rows="3" cols="60"></textarea></label></p>
    <p><button>Set the TXT records</button></p></form>`
  return page('DNS', `${form}${rows.join('')}`)
}
