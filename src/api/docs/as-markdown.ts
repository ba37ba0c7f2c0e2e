/** The documentation of the API as Markdown, for programs. Like the page, it is built from the OpenAPI document. */
import type { OpenApiDocument } from '../openapi.ts'
import { buildExample } from './examples.ts'
import { type Operation, operationsByTag } from './operations.ts'

/** The text depends only on the document, so an isolate writes it once. */
const written = new WeakMap<OpenApiDocument, string>()

/** @returns every operation: who may call it, what it takes, what it answers, how it fails */
export function apiAsMarkdown(document: OpenApiDocument): string {
  const known = written.get(document) ?? write(document)
  written.set(document, known)
  return known
}

function write(document: OpenApiDocument): string {
  const { title, version, description = '' } = document.info
  const tags = [...operationsByTag(document)].map(([tag, operations]) => {
    const about = document.tags?.find(({ name }) => name === tag)?.description
    return joinParagraphs([`## ${tag}`, about, ...operations.map((one) => writeOperation(document, one))])
  })
  return `${joinParagraphs([`# ${title} API ${version}`, description, ...tags])}\n`
}

const joinParagraphs = (parts: readonly (string | undefined)[]) => parts.filter(Boolean).join('\n\n')

function writeOperation(document: OpenApiDocument, operation: Operation): string {
  const { method, path, summary, description, allow, parameters, body, successes, failures } = operation
  return joinParagraphs([
    `### ${summary}`,
    `\`${method} ${path}\`, for: ${allow}`,
    description,
    parameters.map(writeParameter).join('\n'),
    body && `Body:\n\n${fence(buildExample(document, body.schema, 'typed'))}`,
    ...successes.map(({ status, schema }) => writeAnswer(status, schema && buildExample(document, schema, 'received'))),
    writeFailures(failures),
  ])
}

function writeParameter({ name, place, isRequired, description = '' }: Operation['parameters'][number]): string {
  const about = description.replaceAll(/\s*\n\s*/g, ' ')
  return `- \`${name}\` (${place}${isRequired ? ', required' : ''})${about && `: ${about}`}`
}

const writeAnswer = (status: string, example: unknown) =>
  example === undefined ? `Answer ${status}, without a body.` : `Answer ${status}:\n\n${fence(example)}`

function writeFailures(failures: Operation['failures']): string {
  const codes = failures.flatMap(({ status, codes: some }) => some.map((code) => `\`${code}\` (${status})`))
  return codes.length > 0 ? `Problems: ${codes.join(', ')}.` : ''
}

const fence = (value: unknown) => `\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\``
