import type { Mail } from './outbox.ts'

const STYLE = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
  article { border: 1px solid #8886; border-radius: 8px; padding: 1rem; margin: 1rem 0 }
  h2 { margin: 0; font-size: 1.1rem } small { opacity: .7 }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit } li { overflow-wrap: anywhere }
  iframe { width: 100%; height: 24rem; border: 1px solid #8886; background: #fff }`

const DOORS = [
  ['POST /sql', "Neon's SQL over HTTP"],
  ['POST /redis, /redis/pipeline, /redis/multi-exec', 'Upstash REST'],
  ['POST /mail/emails', "Resend's send call"],
  ['GET /breached/range/{prefix}', "Have I Been Pwned's range call"],
  ['GET /disposable/domains.txt', 'a list of domains of throwaway addresses'],
  [
    'GET /turnstile/v0/api.js, POST /turnstile/v0/siteverify',
    'Cloudflare Turnstile: a widget that asks for a tick, and the check of its tokens',
  ],
  ['GET, DELETE <a href="/outbox">/outbox</a>', 'the emails that were sent; JSON with ?format=json, ?to= filters'],
  ['POST /webhooks/catch', 'a receiver of webhooks; ?status=410 answers that'],
  ['GET, DELETE <a href="/webhooks">/webhooks</a>', 'the webhooks that arrived; JSON with ?format=json'],
  ['GET /issuers/jwks/{name}', 'the keys of another issuer of tokens; POST /issuers/tokens/{name} signs claims'],
  ['/oidc', 'an OpenID provider, where anybody signs in as whom they say, and which can misbehave'],
  ['GET /dns-query, <a href="/dns">/dns</a>', 'a DNS over HTTPS of TXT records, and a page to set them on'],
  ['/github, /github/api', 'what of GitHub a sign-in needs, the same'],
  [
    'POST /model/openai/v1/…, /model/anthropic/v1/messages',
    'a language model that repeats what it is told, a word a token',
  ],
  [
    'GET, DELETE <a href="/model/calls">/model/calls</a>',
    'what the model has sent; POST /control/model makes it slow or fail',
  ],
  ['<a href="/polar">/polar</a>, /polar/v1/…', "Polar: its API's calls, and a page to pay, fail and cancel on"],
  ['<a href="/stripe">/stripe</a>, /stripe/v1/…', 'Stripe, the same'],
  ['GET, DELETE <a href="/control/counters">/control/counters</a>', 'how many requests, statements and commands came'],
  ['GET, POST, DELETE <a href="/control/faults">/control/faults</a>', 'failures to practise with'],
] as const

/** The list of services. */
export function indexPage(): string {
  const rows = DOORS.map(([door, meaning]) => `<li><code>${door}</code>: ${meaning}</li>`)
  return page('Tollgate, local stack', `<ul>${rows.join('')}</ul>`)
}

/** The sent emails, for people: every text escaped, each link clickable, HTML shown in a frame that can run nothing. */
export function outboxPage(mails: Mail[]): string {
  const clear = `<button onclick="fetch('/outbox', { method: 'DELETE' }).then(() => location.reload())">Clear</button>`
  const list = mails.map(article).join('') || '<p>Nothing was sent yet.</p>'
  return page('Outbox', mails.length > 0 ? clear + list : list)
}

function article({ to, from, subject, text, html, links, sent_at }: Mail): string {
  const items = links.map((link) => `<li><a href="${escapeHtml(link)}" rel="noreferrer">${escapeHtml(link)}</a></li>`)
  return `<article>
    <h2>${escapeHtml(subject)}</h2>
    <small>to ${escapeHtml(to)}, from ${escapeHtml(from)}, <time>${sent_at}</time></small>
    ${text === null ? '' : `<pre>${escapeHtml(text)}</pre>`}
    ${items.length > 0 ? `<ul>${items.join('')}</ul>` : ''}
    ${html === null ? '' : `<details><summary>HTML</summary><iframe sandbox srcdoc="${escapeHtml(html)}"></iframe></details>`}
  </article>`
}

/** A whole page. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><style>${STYLE}</style></head>
<body><h1>${title}</h1>${body}</body></html>`
}

/** Escapes text for use between tags and inside quoted attributes. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character)
}
