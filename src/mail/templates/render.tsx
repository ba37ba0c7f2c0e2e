import type { HtmlEscapedString } from 'hono/utils/html'
import type { Mail } from '../provider.ts'

/**
 * The content of an email. Text and HTML are rendered from the same sentences, so that neither says less than the other.
 */
export interface Content {
  readonly subject: string
  /** The recipient's name, if it is known and safe to repeat. */
  readonly name?: string | null
  readonly paragraphs: readonly string[]
  /** A code to type elsewhere. */
  readonly code?: string
  /** The action to take, if there is one. */
  readonly action?: { readonly label: string; readonly url: string }
  /** After the action: how long it works, and what to do if it was somebody else. */
  readonly closing?: readonly string[]
}

const LONGEST_NAME = 60
// biome-ignore lint/suspicious/noControlCharactersInRegex: it must match them
const LINE_BREAKING = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g

/** Renders an email of a service to one address. */
export function render(service: string, to: string, content: Content): Mail {
  const { paragraphs, code, action, closing = [] } = content
  const greeting = greetingFor(content.name)
  // nothing in it is asynchronous
  const page = (<Page service={service} greeting={greeting} content={content} />) as HtmlEscapedString
  const link = action ? [`${action.label}:\n${action.url}`] : []
  return {
    to,
    subject: oneLine(content.subject),
    text: `${[greeting, ...paragraphs, ...(code ? [code] : []), ...link, ...closing, `-- \n${oneLine(service)}`].join('\n\n')}\n`,
    html: `<!doctype html>${page.toString()}`,
  }
}

/** A line break in a subject would start another header (ASVS 1.3.11). */
function oneLine(text: string): string {
  return text.replaceAll(LINE_BREAKING, ' ').trim()
}

function greetingFor(name: string | null | undefined): string {
  const safe = quotable(name)
  return safe === undefined ? 'Hello,' : `Hello ${safe},`
}

/**
 * A name as far as an email may repeat it. A name that could be read as a web address is left out: a stranger who
 * registers or invites somebody's address chooses the name, and could use the email for advertising.
 */
export function quotable(name: string | null | undefined): string | undefined {
  const safe = oneLine(name ?? '').slice(0, LONGEST_NAME)
  return safe === '' || /[/@:\\]|\.\S/.test(safe) ? undefined : safe
}

const FONT = 'font-family:system-ui,-apple-system,Segoe UI,Roboto,sans-serif;font-size:16px;line-height:1.5'
const BUTTON =
  'display:inline-block;padding:12px 20px;border-radius:6px;background:#3346c7;color:#ffffff;text-decoration:none'

interface PageProps {
  readonly service: string
  readonly greeting: string
  readonly content: Content
}

/**
 * Only inline styles, and nothing is loaded: email programs strip style sheets, and an external image would reveal who
 * reads.
 */
function Page({ service, greeting, content: { subject, paragraphs, code, action, closing = [] } }: PageProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="color-scheme" content="light dark" />
        <title>{oneLine(subject)}</title>
      </head>
      <body style={`margin:0;padding:24px;${FONT}`}>
        <div style="max-width:560px;margin:0 auto">
          <p>{greeting}</p>
          {paragraphs.map((paragraph) => (
            <p>{paragraph}</p>
          ))}
          {code && (
            <p style="margin:24px 0;font-size:28px;letter-spacing:4px;font-family:ui-monospace,monospace">{code}</p>
          )}
          {action && (
            <p style="margin:24px 0">
              <a href={action.url} style={BUTTON}>
                {action.label}
              </a>
            </p>
          )}
          {action && (
            <p style="font-size:14px;word-break:break-all">
              Or open this address: <a href={action.url}>{action.url}</a>
            </p>
          )}
          {closing.map((paragraph) => (
            <p>{paragraph}</p>
          ))}
          <p style="font-size:14px;border-top:1px solid #8a93a6;padding-top:12px">{oneLine(service)}</p>
        </div>
      </body>
    </html>
  )
}
