import { type Call, json, type Reply } from './http.ts'

/** The secret of this stack's widget: Cloudflare's test secret that always passes. */
const TURNSTILE_SECRET = '1x0000000000000000000000000000000AA'

/** What the widget provides to a page, like the real one: its API, and a token by a callback. */
const WIDGET = `window.turnstile = {
  render(place, { sitekey, callback }) {
    const label = document.createElement('label')
    const box = Object.assign(document.createElement('input'), { type: 'checkbox' })
    box.addEventListener('change', () => {
      box.disabled = true
      callback('local.' + sitekey + '.' + crypto.randomUUID())
    })
    label.append(box, ' I am a person (local check)')
    place.append(label)
    return place
  },
  remove(place) { place.replaceChildren() },
}`

/**
 * The service that answers like Cloudflare Turnstile: the script of the widget, and the check of its tokens, each of which works
 * once. A wrong secret is reported.
 */
export function openTurnstile() {
  const used = new Set<string>()

  function check(token: unknown): object {
    if (typeof token !== 'string' || token === '') return refuse('missing-input-response')
    if (!token.startsWith('local.')) return refuse('invalid-input-response')
    if (used.has(token)) return refuse('timeout-or-duplicate')
    used.add(token)
    return { success: true, 'error-codes': [], challenge_ts: new Date().toISOString(), hostname: 'localhost' }
  }

  function answer({ body }: Call): Reply {
    const { secret, response } = JSON.parse(body) as { secret?: unknown; response?: unknown }
    return json(200, secret === TURNSTILE_SECRET ? check(response) : refuse('invalid-input-secret'))
  }

  return {
    routes: {
      'GET /turnstile/v0/api.js': {
        answer: (): Reply => ({ status: 200, type: 'text/javascript; charset=utf-8', body: WIDGET }),
      },
      'POST /turnstile/v0/siteverify': { door: 'turnstile' as const, answer },
    },
  }
}

const refuse = (code: string) => ({ success: false, 'error-codes': [code] })
