/** The document's operations in the form that the page displays. */
import { PROBLEMS, type ProblemCode } from '../../problems.ts'
import { METHODS } from '../methods.ts'
import type { OpenApiDocument } from '../openapi.ts'
import { type Field, toField } from './fields.ts'
import type { AnySchema } from './schema.ts'

type PathItem = NonNullable<OpenApiDocument['paths']>[string]
type Declared = NonNullable<PathItem['get']>
type Media = Readonly<Record<string, { schema?: AnySchema }>>

export interface Operation {
  /** The anchor. */
  readonly id: string
  readonly method: string
  readonly path: string
  readonly tag: string
  readonly summary: string
  readonly description: string | undefined
  /** `x-allow`: anyone, user, administrator, or a permission. */
  readonly allow: string
  /** Names of the security schemes, one of which is required; none for an open route. */
  readonly schemes: readonly string[]
  readonly parameters: readonly Parameter[]
  readonly body: { readonly schema: AnySchema; readonly isRequired: boolean } | undefined
  readonly successes: readonly Success[]
  readonly failures: readonly Failure[]
}

export interface Parameter extends Field {
  /** The part of the request: path, query, header. */
  readonly place: string
  readonly schema: AnySchema
}

export interface Success {
  readonly status: string
  readonly description: string
  readonly schema: AnySchema | undefined
}

export interface Failure {
  readonly status: string
  readonly description: string
  readonly codes: readonly ProblemCode[]
}

/** All operations by tag, in the order of the document's list of tags; unlisted tags come last. */
export function operationsByTag(document: OpenApiDocument): Map<string, Operation[]> {
  const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const declared = item[method]
      return declared ? [toOperation(document, method, path, declared)] : []
    }),
  )
  const order = (document.tags ?? []).map(({ name }) => name)
  const place = ({ tag }: Operation) => (order.includes(tag) ? order.indexOf(tag) : order.length)
  return Map.groupBy(
    operations.toSorted((a, b) => place(a) - place(b)),
    (operation) => operation.tag,
  )
}

/** The fragment of an operation or, for one word, of a tag. */
export function toAnchor(...words: string[]): string {
  return words
    .join('-')
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, '-')
    .replace(/^-|-$/g, '')
}

function toOperation(document: OpenApiDocument, method: string, path: string, declared: Declared): Operation {
  const answers = Object.entries(declared.responses ?? {}) as [string, { description: string; content?: Media }][]
  const isSuccess = ([status]: (typeof answers)[number]) => /^[123]/.test(status)
  return {
    id: toAnchor(method, path),
    method: method.toUpperCase(),
    path,
    tag: declared.tags?.[0] ?? 'Other',
    summary: declared.summary ?? path,
    description: declared.description,
    allow: String(declared['x-allow'] ?? 'anyone'),
    schemes: (declared.security ?? document.security ?? []).flatMap((scheme) => Object.keys(scheme)),
    parameters: listParameters(document, declared),
    body: describeBody(declared),
    successes: answers
      .filter(isSuccess)
      .map(([status, { description, content }]) => ({ status, description, schema: schemaIn(content) })),
    failures: answers
      .filter((answer) => !isSuccess(answer))
      .map(([status, { description }]) => ({ status, description, codes: codesIn(description) })),
  }
}

function listParameters(document: OpenApiDocument, declared: Declared): Parameter[] {
  return (declared.parameters ?? []).flatMap((parameter) => {
    if ('$ref' in parameter) return []
    const { name, in: place, required = false, schema = {}, description } = parameter
    const field = toField(document, schema, name)
    return [{ ...field, description: description ?? field.description, isRequired: required, place, schema }]
  })
}

function describeBody({ requestBody }: Declared): Operation['body'] {
  if (!requestBody || '$ref' in requestBody) return undefined
  const schema = schemaIn(requestBody.content)
  return schema && { schema, isRequired: requestBody.required ?? false }
}

function schemaIn(content: Media = {}): AnySchema | undefined {
  return content['application/json']?.schema ?? Object.values(content)[0]?.schema
}

/** The description of a failure has one paragraph per code, which begins with the code. */
function codesIn(description: string): ProblemCode[] {
  const starts = [...description.matchAll(/^`(\w+)`:/gm)].map(([, code]) => code)
  return starts.filter((code): code is ProblemCode => code !== undefined && Object.hasOwn(PROBLEMS, code))
}
