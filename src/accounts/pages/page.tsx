import { raw } from 'hono/html'
import type { Child } from 'hono/jsx'
import { sha256 } from '../../lib/bytes.ts'
import { SCRIPT } from './script.ts'
import { STYLE } from './style.ts'

const hashSource = (text: string) => `'sha256-${btoa(String.fromCharCode(...sha256(text)))}'`

/** One script and one style, allowed by their hashes (CSP3 §2.3.1). They connect only to this origin. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `script-src ${hashSource(SCRIPT)}`,
  `style-src ${hashSource(STYLE)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ')

interface PageProps {
  readonly title: string
  readonly intro: string
  readonly button: string
  /** The endpoint that receives the token. */
  readonly endpoint: string
  /** The messages for success and for an invalid token. */
  readonly done: string
  readonly invalid: string
  readonly children?: Child
}

/** A page that a mail links to: an explanation and one button. The same for everyone. */
export function Page({ title, intro, button, endpoint, done, invalid, children }: PageProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>{title}</title>
        <style>{raw(STYLE)}</style>
      </head>
      <body>
        <main>
          <h1>{title}</h1>
          <form method="post" data-endpoint={endpoint} data-done={done} data-invalid={invalid} hidden>
            <p>{intro}</p>
            {children}
            <button type="submit">{button}</button>
          </form>
          <p id="done" role="status" />
          <p id="failed" role="alert" />
          <noscript>
            <p>This page needs JavaScript, for one request: your link must not work by merely being opened.</p>
          </noscript>
        </main>
        <script>{raw(SCRIPT)}</script>
      </body>
    </html>
  )
}
