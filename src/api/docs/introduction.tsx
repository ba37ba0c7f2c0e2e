import type { OpenApiDocument } from '../openapi.ts'
import { Code } from './code.tsx'
import { Inline, Markdown } from './markdown.tsx'

interface DocumentProps {
  readonly document: OpenApiDocument
}

/** The API's title, address and version. */
export function Introduction({ document: { info, servers } }: DocumentProps) {
  return (
    <header id="top">
      <h1>
        {info.title} <small>{info.version}</small>
      </h1>
      <Markdown text={info.description} />
      <p class="facts">
        {servers?.[0] && (
          <>
            Base URL <code>{servers[0].url}</code> ·{' '}
          </>
        )}
        <a href="/openapi.json">OpenAPI document</a>
        {info.license && <> · {info.license.name}</>}
      </p>
    </header>
  )
}

/** How a request authenticates. */
export function Authentication({ document }: DocumentProps) {
  const schemes = Object.values(document.components?.securitySchemes ?? {}).filter((scheme) => 'type' in scheme)
  return (
    <section id="authentication" aria-labelledby="authentication.title">
      <h2 id="authentication.title">Authentication</h2>
      <p>
        People sign in and send their <strong>access token</strong>; programs send an <strong>API key</strong>. Either
        goes into a header, never into the URL. Two different credentials in one request are refused.
      </p>
      <dl class="schemes">
        {schemes.map((scheme) => (
          <>
            <dt>
              <code>{describeHeader(scheme)}</code>
            </dt>
            <dd>
              <Inline text={scheme.description ?? 'An API key, if `Authorization` is already in use.'} />
            </dd>
          </>
        ))}
      </dl>
      <p>
        The examples on this page are commands for a shell. Set each <var>$HIGHLIGHTED</var> variable first, such as:
      </p>
      <Code title="Shell" text={'export ACCESS_TOKEN=…   # of a signed-in user, or an API key'} />
    </section>
  )
}

function describeHeader({
  type,
  scheme,
  name,
  in: place,
}: {
  type: string
  scheme?: string
  name?: string
  in?: string
}) {
  if (type === 'http' && scheme === 'bearer') return 'Authorization: Bearer …'
  return type === 'apiKey' && place === 'header' && name ? `${name}: …` : type
}
