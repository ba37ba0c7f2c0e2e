/** The command line that calls an operation. Values that the reader fills in are shell variables. */
import type { OpenApiDocument } from '../openapi.ts'
import { buildExample } from './examples.ts'
import type { Operation, Parameter } from './operations.ts'

/** @returns one command over several lines, ready for `sh` once its variables are set */
export function curlFor(document: OpenApiDocument, operation: Operation): string {
  const { method, body } = operation
  const json = body && JSON.stringify(buildExample(document, body.schema, 'sent'), null, 2).replaceAll('\n', '\n  ')
  return [
    `curl${method === 'GET' ? '' : ` -X ${method}`} ${buildUrl(document, operation)}`,
    ...buildCredential(operation),
    ...needed(operation, 'header').map(({ name, value }) => `-H ${quote(`${name}: ${value}`)}`),
    ...(json ? ["-H 'Content-Type: application/json'", `-d ${quote(json)}`] : []),
  ].join(' \\\n  ')

  function needed({ parameters }: Operation, place: string) {
    return parameters
      .filter((parameter) => parameter.place === place && parameter.isRequired)
      .map((parameter: Parameter) => {
        const { name, schema } = parameter
        return { name, value: String(buildExample(document, schema, 'sent', name)) }
      })
  }

  function buildUrl({ servers }: OpenApiDocument, { path }: Operation): string {
    const query = needed(operation, 'query').map(({ name, value }) => `${name}=${encodeURIComponent(value)}`)
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => `$${variableFor(path, name)}`)
    const url = `${servers?.[0]?.url ?? ''}${filled}${query.length > 0 ? `?${query.join('&')}` : ''}`
    return /[$?&]/.test(url) ? `"${url}"` : url
  }
}

function buildCredential({ allow, schemes }: Operation): string[] {
  if (schemes.length === 0) return []
  // A route that guards itself accepts no ordinary key; it is for the operator's services.
  return [`-H "Authorization: Bearer $${allow === 'anyone' ? 'SERVICE_KEY' : 'ACCESS_TOKEN'}"`]
}

/** `/api-keys/{id}` becomes API_KEY_ID. */
function variableFor(path: string, name: string): string {
  const parent =
    path
      .slice(0, path.indexOf(`/{${name}}`))
      .split('/')
      .at(-1) ?? ''
  const words = name === 'id' ? `${parent.replace(/s$/, '')}_id` : name
  return words.toUpperCase().replace(/\W+/g, '_')
}

/** Single quotes protect a text from the shell; a value that is a whole variable stays outside of them. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''").replace(/"(\$[A-Z_]+)"/g, `"'$1'"`)}'`
}
