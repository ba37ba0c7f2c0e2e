import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import type { FieldError } from '../field-errors.ts'
import { isSameName } from '../lib/same-name.ts'
import { describeUnknown } from '../lib/unknown-fields.ts'
import { Problem } from '../problems.ts'
import type { Argument, Operation } from './operations.ts'
import { CONFIRMATION, type Tool } from './tools.ts'

export type Arguments = Readonly<Record<string, unknown>>

/** Calls the API with the identity of the tool's caller. The path begins with `/api`. */
export type Send = (
  path: string,
  request: { method: string; headers: Record<string, string>; body?: string },
) => Promise<Response>

/**
 * Calls a tool. A refusal by the API is a result too: the model reads the error, and can call again.
 *
 * @throws Problem `invalid_request` for arguments that the tool does not have, or that are missing
 */
export async function callTool(send: Send, tool: Tool, given: Arguments): Promise<CallToolResult> {
  const { [CONFIRMATION]: said, ...args } = tool.confirms ? given : { ...given, [CONFIRMATION]: undefined }
  requireKnown(tool, given)
  if (tool.confirms) {
    const refusal = await confirm(send, tool.confirms, args, said)
    if (refusal) return refusal
  }
  return toResult(await send(...toRequest(tool.operation, args)))
}

/** @returns a refusal, if the object to be changed cannot be read or has another name */
async function confirm(send: Send, reading: Operation, args: Arguments, said: unknown) {
  const inAddress = Object.fromEntries(Object.entries(args).filter(([key]) => reading.args.has(key)))
  const answer = await send(...toRequest(reading, inAddress))
  if (!answer.ok) return toResult(answer)
  const { name } = (await answer.json()) as { name: unknown }
  if (typeof name === 'string' && typeof said === 'string' && isSameName(said, name)) return undefined
  throw refuse(CONFIRMATION, 'is not the name of what this id names; read it again, and make sure that it is meant')
}

const refuse = (name: string, message: string) =>
  new Problem('invalid_request', { errors: [{ path: `arguments.${name}`, message }] })

/** Whether a header can carry the value unchanged (RFC 9110 §5.5). */
const isHeaderText = (value: unknown) =>
  typeof value === 'string' && /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value)

/** @throws Problem `invalid_request` */
function requireKnown({ operation, confirms }: Tool, given: Arguments): void {
  const known = [...operation.args.keys(), ...(confirms ? [CONFIRMATION] : [])]
  const missing = [...operation.args].flatMap(([key, { isRequired }]) => (isRequired ? [key] : []))
  const required = confirms ? [...missing, CONFIRMATION] : missing
  const errors: FieldError[] = [
    ...Object.keys(given)
      .filter((key) => !known.includes(key))
      .map((key) => ({ path: 'arguments', message: describeUnknown(key, known, 'argument') })),
    ...required
      .filter((key) => given[key] === undefined)
      .map((key) => ({ path: `arguments.${key}`, message: 'is required' })),
    ...[...operation.args]
      .filter(([key, { in: where }]) => where === 'header' && given[key] !== undefined && !isHeaderText(given[key]))
      .map(([key]) => ({ path: `arguments.${key}`, message: 'must be text of visible ASCII characters' })),
  ]
  if (errors.length > 0) throw new Problem('invalid_request', { errors })
}

/** @throws Problem `invalid_request` for a value that cannot be part of an address */
function toRequest({ method, path, args }: Operation, given: Arguments): Parameters<Send> {
  const parts = { path: new Map(), query: new Map(), header: new Map(), body: new Map() } as Record<
    Argument['in'],
    Map<string, unknown>
  >
  for (const [key, value] of Object.entries(given)) {
    const argument = args.get(key)
    if (argument && value !== undefined) parts[argument.in].set(argument.name, value)
  }
  const query = new URLSearchParams([...parts.query].map(([name, value]) => [name, toText(name, value)]))
  const headers = Object.fromEntries([...parts.header].map(([name, value]) => [name, toText(name, value)]))
  const hasBody = method !== 'GET' && [...args.values()].some((one) => one.in === 'body')
  return [
    fillPath(path, parts.path) + (query.size > 0 ? `?${query.toString()}` : ''),
    {
      method,
      headers: hasBody ? { ...headers, 'Content-Type': 'application/json' } : headers,
      ...(hasBody && { body: JSON.stringify(Object.fromEntries(parts.body)) }),
    },
  ]
}

/** @throws Problem `invalid_request` for a value that would lead to another path, such as `..` */
function fillPath(template: string, values: ReadonlyMap<string, unknown>): string {
  const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const text = toText(name, values.get(name))
    if (/^\.{0,2}$/.test(text)) throw refuse(name, 'cannot be part of an address')
    return encodeURIComponent(text)
  })
  return path
}

function toText(name: string, value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw refuse(name, 'must be a text, a number, or true or false')
}

/** Returns the response unchanged; errors are marked, so that a model does not take them for data. */
async function toResult(answer: Response): Promise<CallToolResult> {
  const text = await answer.text()
  const retryAfter = answer.headers.get('Retry-After')
  const again = retryAfter === null ? '' : `\nTry again in ${retryAfter} s.`
  return {
    content: [{ type: 'text', text: text === '' ? 'Done.' : text + again }],
    ...(!answer.ok && { isError: true }),
  }
}
