import * as z from 'zod'
import type { Deps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'
import { Problem } from '../../problems.ts'

/** DNS over HTTPS in Cloudflare's and Google's JSON format. Types and codes are from RFC 1035, sections 3.2.2 and 4.1.1. */
const Answer = z.object({
  Status: z.int(),
  Answer: z.array(z.object({ type: z.int(), data: z.string() })).optional(),
})
const TXT = 16
const NO_ERROR = 0
const NO_SUCH_NAME = 3

/**
 * Looks up the current texts of a name's TXT records.
 *
 * @throws Problem `dns_unavailable` if the resolver gives no conclusive answer
 */
export async function lookUpTexts({ config }: Pick<Deps, 'config'>, name: string): Promise<string[]> {
  const query = new URLSearchParams({ name, type: 'TXT' }).toString()
  try {
    const response = await fetch(`${config.DNS_URL}?${query}`, {
      headers: { Accept: 'application/dns-json' },
      redirect: 'manual',
      signal: AbortSignal.timeout(config.DNS_TIMEOUT_MS),
    })
    if (response.status !== 200) throw new Error(`The resolver answered ${response.status}.`)
    const { Status: status, Answer: records = [] } = Answer.parse(await response.json())
    if (status !== NO_ERROR && status !== NO_SUCH_NAME) throw new Error(`The DNS answered with code ${status}.`)
    return records.filter(({ type }) => type === TXT).map(({ data }) => readText(data))
  } catch (error) {
    log('warn', 'dns_unavailable', errorFields(error))
    throw new Problem('dns_unavailable')
  }
}

/** Joins the strings of a record (RFC 1464). Resolvers that do not quote them have already joined them. */
function readText(data: string): string {
  const strings = [...data.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, inside = '']) => inside)
  return strings.length > 0 ? strings.join('').replaceAll(/\\(.)/g, '$1') : data
}
