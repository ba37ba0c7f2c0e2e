/** How a method's input becomes path, query and body of its operation. */
import type { Answer, Call, CallOptions, OperationName } from './operations.ts'
import { type Page, type Pages, readPages } from './pages.ts'
import type { Operations } from './types.ts'

/** Sends a call, and reads its answer. */
export type Send = <Name extends OperationName>(
  name: Name,
  input: Omit<Call, 'name'>,
  options?: CallOptions,
) => Promise<Answer<Name>>

/** An organization in a path has one name. */
type PathOrganization =
  | { readonly organization_id: string; readonly external_id?: never }
  | { readonly external_id: string; readonly organization_id?: never }

/** Takes anything where an operation has no such part. */
type Part<Name extends OperationName, Key extends string> = Key extends keyof Operations[Name]
  ? NonNullable<Operations[Name][Key]>
  : unknown

type Path<Params, Id extends string, Body> = Omit<Params, 'id' | 'organization_id'> &
  ('id' extends keyof Params ? Readonly<Record<Id, string>> : unknown) &
  ('organization_id' extends keyof Params ? PathOrganization | Renaming<Body> : unknown)

/** A body that sets the organization's external id. */
type Renaming<Body> = 'external_id' extends keyof Body ? { readonly organization_id: string } : never

/** Path, query and body in one object. */
type Given<Name extends OperationName, Id extends string = never> = Path<Part<Name, 'params'>, Id, Part<Name, 'body'>> &
  Part<Name, 'query'> &
  Part<Name, 'body'>

/** What an operation takes may be left out where nothing in it is required. */
type Arguments<Name extends OperationName, Id extends string> =
  object extends Given<Name, Id>
    ? [input?: Given<Name, Id>, options?: CallOptions]
    : [input: Given<Name, Id>, options?: CallOptions]

/** An operation as a method. */
export type Method<Name extends OperationName, Id extends string = never> = (
  ...given: Arguments<Name, Id>
) => Promise<Answer<Name>>

/** An operation that answers in pages. */
export type PagedMethod<Name extends OperationName, Id extends string = never> = (
  ...given: Arguments<Name, Id>
) => Answer<Name> extends Page<unknown> ? Pages<Answer<Name>> : never

/** An operation that takes nothing. */
export type BareMethod<Name extends OperationName> = (options?: CallOptions) => Promise<Answer<Name>>

type Fields = Readonly<Record<string, unknown>>

/** Takes what the path names out of what is given. Your own id stands for the organization's, with its kind in front. */
function takePath(name: string, id: string | undefined, given: Fields): [params: Record<string, string>, rest: Fields] {
  const params: Record<string, string> = {}
  let left = given
  for (const [, parameter = ''] of name.matchAll(/\{(\w+)\}/g)) {
    const byExternalId = parameter === 'organization_id' && left['organization_id'] === undefined
    const key = byExternalId ? 'external_id' : parameter === 'id' ? (id ?? parameter) : parameter
    const { [key]: value, ...rest } = left
    params[parameter] = `${byExternalId ? 'external_id:' : ''}${(value as string | undefined) ?? ''}`
    left = rest
  }
  return [params, left]
}

/** For each way in which operations take what they are given, what makes a method of an operation. */
export const waysOver = (send: Send) => ({
  bare:
    <Name extends OperationName>(name: Name): BareMethod<Name> =>
    (options) =>
      send(name, {}, options),
  query: <Name extends OperationName, Id extends string = never>(name: Name, id?: Id): Method<Name, Id> =>
    function sendInQuery(given = {} as never, options?: CallOptions) {
      const [params, query] = takePath(name, id, given)
      return send(name, { params, query }, options)
    },
  body: <Name extends OperationName, Id extends string = never>(name: Name, id?: Id): Method<Name, Id> =>
    function sendInBody(given = {} as never, options?: CallOptions) {
      const [params, body] = takePath(name, id, given)
      return send(name, { params, body }, options)
    },
  /** The organization in the query, the rest in the body. */
  both: <Name extends OperationName, Id extends string = never>(name: Name, id?: Id): Method<Name, Id> =>
    function sendInBoth(given = {} as never, options?: CallOptions) {
      const [params, { organization_id, external_id, ...body }] = takePath(name, id, given)
      return send(name, { params, query: { organization_id, external_id }, body }, options)
    },
  pages: <Name extends OperationName, Id extends string = never>(name: Name, id?: Id): PagedMethod<Name, Id> =>
    function sendForPages(given = {} as never, options?: CallOptions) {
      const [params, query] = takePath(name, id, given)
      return readPages<unknown, Page<unknown>>(
        (cursor) =>
          send(name, { params, query: cursor === undefined ? query : { ...query, cursor } }, options) as never,
      ) as never
    },
})
