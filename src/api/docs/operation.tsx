/**
 * One operation, folded: a browser unfolds it when a link leads into it or a search in the page finds something in it.
 * What it does, who may call it, what it takes, what it answers, and a call to copy. */

import { rolesWith, scopeFor } from '../../auth/roles.ts'
import type { OpenApiDocument } from '../openapi.ts'
import { Code } from './code.tsx'
import { curlFor } from './curl.ts'
import { buildExample } from './examples.ts'
import { listFields } from './fields.ts'
import { Inline, Markdown, Name } from './markdown.tsx'
import type { Operation, Success } from './operations.ts'
import { PERMISSIONS } from './role-table.tsx'
import { resolveShape, typeName } from './schema.ts'
import { Failures, FieldTable, Status } from './tables.tsx'

interface OperationProps {
  readonly document: OpenApiDocument
  readonly operation: Operation
}

export function OperationArticle({ document, operation }: OperationProps) {
  const { id, method, path, summary, description } = operation
  return (
    <details class="operation">
      <summary>
        <h3 id={`${id}.title`}>{summary}</h3>
        <span class="endpoint">
          <Method name={method} />{' '}
          <code>
            <Name text={path} />
          </code>
        </span>
      </summary>
      <article id={id} aria-labelledby={`${id}.title`}>
        <div class="prose">
          <Markdown text={description} />
          <Allowed operation={operation} />
          <Request document={document} operation={operation} />
          <h4>Answer</h4>
          {operation.successes.map((success) => (
            <Answer document={document} operation={operation} success={success} />
          ))}
          <h4>Problems</h4>
          <Failures failures={operation.failures} />
          <p class="facts">
            <a href={`#${id}`}>Link to this operation</a>
          </p>
        </div>
        <Examples document={document} operation={operation} />
      </article>
    </details>
  )
}

export function Method({ name }: { readonly name: string }) {
  return <span class={`method ${name.toLowerCase()}`}>{name}</span>
}

function Allowed({ operation }: { readonly operation: Operation }) {
  const permission = PERMISSIONS.find((one) => one === operation.allow)
  return (
    <p class="allowed">
      <strong>Who may call it</strong> <Inline text={whoMayCall(operation)} />
      {permission && (
        <>
          {' '}
          See <a href="#roles">roles</a>.
        </>
      )}
    </p>
  )
}

const WHO: Readonly<Record<string, string>> = {
  anyone: 'Anyone; no credential is needed.',
  user: 'A signed-in user, with an access token.',
  administrator: 'An administrator of this deployment, with an access token.',
}

const OR = new Intl.ListFormat('en', { type: 'disjunction' })

function whoMayCall({ allow, schemes }: Operation): string {
  if (allow === 'anyone' && schemes.length > 0) return 'Whoever presents the credential described above.'
  const permission = PERMISSIONS.find((one) => one === allow)
  if (!permission) return WHO[allow] ?? `Whoever holds \`${allow}\`.`
  const scope = scopeFor(permission)
  const people = `\`${permission}\`: members of the organization with the role ${OR.format(rolesWith(permission))}`
  if (!schemes.includes('apiKey')) return `${people}.`
  return `${people}; ${scope ? `its API keys with the scope \`${scope}\`` : 'any of its API keys'}.`
}

function Request({ document, operation: { parameters, body, method, path } }: OperationProps) {
  const places = [...Map.groupBy(parameters, (parameter) => parameter.place)]
  const fields = body ? listFields(document, body.schema) : []
  return (
    <>
      {places.map(([place, some]) => (
        <>
          <h4>{place[0]?.toUpperCase() + place.slice(1)}</h4>
          <FieldTable fields={some} caption={`${place} parameters of ${method} ${path}`} />
        </>
      ))}
      {body && (
        <>
          <h4>
            Body <small>application/json{body.isRequired ? '' : ', optional'}</small>
          </h4>
          <FieldTable fields={fields} caption={`Body of ${method} ${path}`} />
        </>
      )}
    </>
  )
}

const MANY_FIELDS = 8

function Answer({ document, operation, success }: OperationProps & { readonly success: Success }) {
  const { status, description, schema } = success
  const shape = schema && resolveShape(document, schema)
  const fields = schema ? listFields(document, schema) : []
  return (
    <>
      <p class="answer">
        <Status code={status} /> {shape && <code>{typeName(document, shape)}</code>}{' '}
        <Inline text={(shape ? shape.schema.description : description) ?? ''} />
      </p>
      {fields.length > 0 && (
        <details open={fields.length <= MANY_FIELDS}>
          <summary>{fields.length === 1 ? 'Its field' : `Its ${fields.length} fields`}</summary>
          <FieldTable fields={fields} caption={`Answer ${status} of ${operation.method} ${operation.path}`} isAnswer />
        </details>
      )}
    </>
  )
}

function Examples({ document, operation }: OperationProps) {
  const answer = operation.successes.find(({ schema }) => schema)
  return (
    <div class="examples">
      <Code title="Request" text={curlFor(document, operation)} />
      {answer?.schema && (
        <Code
          title={`Answer ${answer.status}`}
          text={JSON.stringify(buildExample(document, answer.schema, 'received'), null, 2)}
        />
      )}
    </div>
  )
}
