import { PROBLEMS, Problem, problemBody } from '../../problems.ts'
import type { OpenApiDocument } from '../openapi.ts'
import { Code } from './code.tsx'
import { listFields } from './fields.ts'
import { Name } from './markdown.tsx'
import { FieldTable, Status } from './tables.tsx'

/** The format of problems, and a list of all codes. A problem's `type` links to its row. */
export function Problems({ document }: { readonly document: OpenApiDocument }) {
  const schema = document.components?.schemas?.Problem
  return (
    <section id="problems" aria-labelledby="problems.title">
      <h2 id="problems.title">Problems</h2>
      <article aria-label="Form of a problem">
        <div class="prose">
          <p>
            A request that fails is answered with <code>application/problem+json</code> (RFC 9457). Decide by{' '}
            <code>code</code>, which never changes its meaning; <code>title</code> and <code>detail</code> are for
            people. Quote the <code>request_id</code> when you ask for help.
          </p>
          {schema && <FieldTable fields={listFields(document, schema)} caption="Fields of a problem" isAnswer />}
        </div>
        <div class="examples">
          <Code title="A problem" text={JSON.stringify(exampleProblem(document), null, 2)} />
        </div>
      </article>
      <h3>Codes</h3>
      <table class="grid problems">
        <thead>
          <tr>
            <th scope="col">Code and status</th>
            <th scope="col">Title</th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(PROBLEMS).map(([code, [status, title]]) => (
            <ProblemRow code={code} status={status} title={title} />
          ))}
        </tbody>
      </table>
    </section>
  )
}

function ProblemRow({
  code,
  status,
  title,
}: {
  readonly code: string
  readonly status: number
  readonly title: string
}) {
  return (
    <tr id={code}>
      <th scope="row">
        <a href={`#${code}`}>
          <code>
            <Name text={code} />
          </code>
        </a>{' '}
        <Status code={status} />
      </th>
      <td>{title}</td>
    </tr>
  )
}

function exampleProblem({ servers }: OpenApiDocument) {
  const problem = new Problem('invalid_request', { errors: [{ path: 'body.name', message: 'must not be empty' }] })
  return problemBody(problem, servers?.[0]?.url, '0198c5a2-7b1e-7c3d-9f4a-2e6b8d0c1a35')
}
