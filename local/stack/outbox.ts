import { randomUUID } from 'node:crypto'
import type { Part } from './memory.ts'

/** The oldest email is dropped when this many are stored. */
const MAX_MAILS = 1_000

/** A sender's input; recipients are one or several addresses, as `a@b.c` or `Name <a@b.c>`. */
export interface Draft {
  from: string
  to: string[]
  subject: string
  text: string | null
  html: string | null
  headers: Record<string, string>
  reply_to: string[]
}

/** A sent email as the outbox shows it. `to` contains all recipients, joined by a comma and a space. */
export interface Mail extends Omit<Draft, 'to'> {
  id: string
  to: string
  /** all http(s) addresses in text and html, each once, in order of appearance */
  links: string[]
  /** ISO 8601, UTC */
  sent_at: string
}

export interface Outbox {
  /** @returns the email's id */
  deliver(draft: Draft): string
  /** Newest first; with an address, only the emails to it, ignoring case. */
  list(to?: string): Mail[]
  clear(): void
  /** The state that survives a restart. */
  readonly memory: Part<Mail[]>
}

/** Stores sent emails for people and tests to read. */
export function createOutbox(): Outbox {
  let mails: Mail[] = []
  return {
    deliver(draft) {
      const id = randomUUID()
      const links = findLinks(draft.text, draft.html)
      const mail = { ...draft, id, to: draft.to.join(', '), links, sent_at: new Date().toISOString() }
      mails = [mail, ...mails].slice(0, MAX_MAILS)
      return id
    },
    list: (to) => (to ? mails.filter((mail) => addresses(mail.to).includes(to.toLowerCase())) : mails),
    clear() {
      mails = []
    },
    memory: {
      read: () => mails,
      restore(kept) {
        mails = kept
      },
    },
  }
}

function addresses(to: string): string[] {
  return to.split(', ').map((recipient) => (/<([^>]*)>$/.exec(recipient)?.[1] ?? recipient).toLowerCase())
}

/** Finds addresses in plain text and in HTML, where `&` is written `&amp;` and quotes end an address. */
function findLinks(text: string | null, html: string | null): string[] {
  const prose = `${text ?? ''}\n${(html ?? '').replaceAll('&amp;', '&')}`
  const found = prose.match(/https?:\/\/[^\s<>"'`]+/gi) ?? []
  return [...new Set(found.map((link) => link.replace(/[.,;:!?)\]}]+$/, '')))]
}
