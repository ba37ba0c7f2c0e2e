import { raw } from 'hono/html'
import type { Child } from 'hono/jsx'
import { hashSource } from '../../http/hash-source.ts'
import { SCRIPT } from './script.ts'
import { STYLE } from './style.ts'

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

/** Tollgate's logo, as in dashboard/src/ui/mark.tsx. */
const MARK = 'M2 2h2.5v12H2zM11.5 2H14v12h-2.5zM4.5 5.2l7-1.7v2.3l-7 1.7zM4.5 9.7h7V12h-7z'

interface PageProps {
  readonly title: string
  readonly intro: string
  readonly button: string
  /** The endpoint that receives the token. */
  readonly endpoint: string
  /** The messages for success and for an invalid token. */
  readonly done: string
  readonly invalid: string
  /** Whether this deployment has the dashboard, where people sign in. */
  readonly hasDashboard: boolean
  readonly children?: Child
}

/** A page that an email links to: an explanation and one button. The same for everyone. */
export function Page({ title, intro, button, endpoint, done, invalid, hasDashboard, children }: PageProps) {
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
          <header>
            <svg viewBox="0 0 16 16" aria-hidden="true" fill="currentColor">
              <path d={MARK} />
            </svg>
            Tollgate
          </header>
          <h1>{title}</h1>
          <form method="post" data-endpoint={endpoint} data-done={done} data-invalid={invalid} hidden>
            <p>{intro}</p>
            {children}
            <button type="submit">{button}</button>
          </form>
          <p id="done" role="status" />
          <p id="failed" role="alert" />
          {hasDashboard && (
            <p id="next" hidden>
              <a href="/dashboard/sign-in">Sign in</a>
            </p>
          )}
          <noscript>
            <p>This page needs JavaScript, for one request: your link must not work by merely being opened.</p>
          </noscript>
        </main>
        <script>{raw(SCRIPT)}</script>
      </body>
    </html>
  )
}
