import * as z from 'zod'
import { type Call, json, parseJson, type Reply } from './http.ts'
import type { Draft, Outbox } from './outbox.ts'

const MAX_RECIPIENTS = 50
const MAX_KEY_LENGTH = 256

/** `a@b.c` or `Name <a@b.c>`, with nothing that could begin another header line. */
const Address = z.string().regex(/^(?:[^<>\r\n]*<[^\s@<>]+@[^\s@<>]+>|[^\s@<>,]+@[^\s@<>,]+)$/)
const OneOrMany = (most: number) => z.union([Address.transform((one) => [one]), z.array(Address).min(1).max(most)])

const SendBody = z.strictObject({
  from: Address,
  to: OneOrMany(MAX_RECIPIENTS),
  subject: z.string(),
  text: z.string().nullish(),
  html: z.string().nullish(),
  headers: z.record(z.string(), z.string()).default({}),
  reply_to: OneOrMany(MAX_RECIPIENTS).default([]),
})

/** Sent emails, by Idempotency-Key. */
export type SentMails = Map<string, { id: string; body: string }>

/**
 * The service that accepts Resend's send call (`POST /emails`) and puts the email into the outbox.
 *
 * Any bearer token is accepted. Attachments, tags, cc, bcc and scheduled sending are refused by name. A repeated
 * Idempotency-Key gives the first id and sends nothing; with another body it is a conflict, as at Resend.
 */
export function mailService(outbox: Outbox, sent: SentMails = new Map()) {
  return function answerMail(call: Call): Reply {
    if (!/^Bearer \S+$/.test(call.headers.authorization ?? '')) {
      return failure(401, 'missing_api_key', 'Missing API key in the authorization header')
    }
    const key = call.headers['idempotency-key']?.toString()
    const draft = isKey(key)
      ? readDraft(call.body)
      : failure(400, 'invalid_idempotency_key', `The key must be between 1-${MAX_KEY_LENGTH} chars`)
    if ('status' in draft) return draft
    return key === undefined ? json(200, { id: outbox.deliver(draft) }) : sendOnce(key, draft, call.body)
  }

  function sendOnce(key: string, draft: Draft, body: string): Reply {
    const earlier = sent.get(key) ?? { id: outbox.deliver(draft), body }
    sent.set(key, earlier)
    if (earlier.body === body) return json(200, { id: earlier.id })
    return failure(409, 'invalid_idempotent_request', 'Same idempotency key used with a different request payload')
  }
}

/** Whether this is a valid Idempotency-Key, or absent. */
function isKey(key: string | undefined): boolean {
  return key === undefined || (key !== '' && key.length <= MAX_KEY_LENGTH)
}

function readDraft(body: string): Draft | Reply {
  const given = parseJson(body)
  if (!given || typeof given !== 'object') return failure(422, 'validation_error', 'The body is not a JSON object')
  const missing = ['from', 'to', 'subject'].find((name) => !(name in given))
  if (missing) return failure(422, 'missing_required_field', `Missing \`${missing}\` field.`)

  const parsed = SendBody.safeParse(given)
  if (!parsed.success) return failure(422, 'validation_error', explain(parsed.error))
  const { text = null, html = null, ...rest } = parsed.data
  if (!text && !html) return failure(422, 'missing_required_field', 'Missing `html` or `text` field.')
  return { ...rest, text, html }
}

function explain(error: z.ZodError): string {
  const [issue] = error.issues
  if (issue?.code === 'unrecognized_keys')
    return `The local mail service does not support \`${issue.keys.join('`, `')}\`.`
  return `Invalid \`${issue?.path.join('.')}\` field.`
}

function failure(statusCode: number, name: string, message: string): Reply {
  return json(statusCode, { statusCode, name, message })
}
