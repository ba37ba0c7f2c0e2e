import type { IncomingHttpHeaders } from 'node:http'
import * as z from 'zod'
import { json, type Reply } from '../http.ts'
import { type Dialect, type Exchange, type Frame, frame, readBearer } from './dialect.ts'
import type { ModelRequest, Part, PromptText } from './words.ts'

const Block = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  content: z.unknown().optional(),
  cache_control: z.looseObject({ type: z.literal('ephemeral') }).nullish(),
})
const Blocks = z.union([z.string(), z.array(Block)])

const Body = z.looseObject({
  model: z.string().min(1),
  max_tokens: z.int().min(1),
  system: Blocks.optional(),
  messages: z.array(z.looseObject({ role: z.enum(['user', 'assistant']), content: Blocks })).min(1),
  stream: z.boolean().optional(),
  tools: z.array(z.looseObject({ name: z.string() })).optional(),
})

/** Anthropic's Messages API. */
export const anthropicMessages: Dialect = {
  path: '/model/anthropic/v1/messages',
  readKey: (headers) => [headers['x-api-key']].flat()[0] || readBearer(headers),
  parse,
  fail,
  write,
  stream,
}

const KINDS: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  429: 'rate_limit_error',
  529: 'overloaded_error',
}

function fail(status: number, message: string): Reply {
  const reply = json(status, {
    type: 'error',
    error: { type: KINDS[status] ?? 'api_error', message },
    request_id: null,
  })
  return status === 429 ? { ...reply, headers: { 'retry-after': '1' } } : reply
}

function parse(value: unknown, headers: IncomingHttpHeaders): ModelRequest | { wrong: string } {
  if (!headers['anthropic-version']) return { wrong: 'anthropic-version: header is required' }
  const { data: body, error } = Body.safeParse(value)
  if (error) return { wrong: z.prettifyError(error) }
  return {
    model: body.model,
    prompt: [
      ...readBlocks('system', body.system ?? []),
      ...body.messages.flatMap(({ role, content }) => readBlocks(role, content)),
    ],
    tools: body.tools?.map(({ name }) => name) ?? [],
    maxTokens: body.max_tokens,
    isStream: body.stream ?? false,
    hasUsage: true,
  }
}

function readBlocks(role: string, blocks: z.infer<typeof Blocks>): PromptText[] {
  if (typeof blocks === 'string') return [{ role, text: blocks, isBreakpoint: false }]
  return blocks.map(({ type, text, content, cache_control }) => ({
    role: type === 'tool_result' ? 'tool' : role,
    text: text ?? (typeof content === 'string' ? content : ''),
    isBreakpoint: cache_control != null,
  }))
}

const STOP = { stop: 'end_turn', length: 'max_tokens', tools: 'tool_use' } as const

/** Tokens that were read from or written to the cache are not in `input_tokens`. */
const toUsage = ({ usage }: Exchange, output_tokens: number) => ({
  input_tokens: usage.input - usage.cacheRead - usage.cacheWritten,
  cache_creation_input_tokens: usage.cacheWritten,
  cache_read_input_tokens: usage.cacheRead,
  output_tokens,
})

const message = (exchange: Exchange, content: readonly object[], outputTokens: number) => ({
  id: `msg_${exchange.id}`,
  type: 'message',
  role: 'assistant',
  model: exchange.asked.model,
  content,
  stop_reason: null,
  stop_sequence: null,
  usage: toUsage(exchange, outputTokens),
})

function write(exchange: Exchange): object {
  const { parts, outputTokens, ending } = exchange.answer
  const content = parts.map((part, index) =>
    part.type === 'text'
      ? { type: 'text', text: part.tokens.join('') }
      : toolUse(exchange, part, index, parseInput(part.tokens.join(''))),
  )
  return { ...message(exchange, content, outputTokens), stop_reason: STOP[ending] }
}

const toolUse = ({ id }: Exchange, { name }: Extract<Part, { type: 'tool' }>, index: number, input: unknown = {}) => ({
  type: 'tool_use',
  id: `toolu_${id}_${index}`,
  name,
  input,
})

/** Arguments that were cut by `max_tokens` are not JSON. */
function parseInput(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

const event = (data: { readonly type: string }, tokens = 0): Frame => frame(data, tokens, data.type)

function* stream(exchange: Exchange): Iterable<Frame> {
  const { parts, outputTokens, ending } = exchange.answer
  yield event({ type: 'message_start', message: message(exchange, [], 1) } as { type: string })
  for (const [index, part] of parts.entries()) yield* streamPart(exchange, part, index)
  const delta = { stop_reason: STOP[ending], stop_sequence: null }
  yield event({ type: 'message_delta', delta, usage: { output_tokens: outputTokens } } as { type: string })
  yield event({ type: 'message_stop' })
}

function* streamPart(exchange: Exchange, part: Part, index: number): Iterable<Frame> {
  const isText = part.type === 'text'
  const content_block = isText ? { type: 'text', text: '' } : toolUse(exchange, part, index)
  const say = (type: string, data: object, tokens = 0) => event({ type, index, ...data } as { type: string }, tokens)
  yield say('content_block_start', { content_block })
  if (index === 0) yield event({ type: 'ping' })
  for (const token of part.tokens) {
    const delta = isText ? { type: 'text_delta', text: token } : { type: 'input_json_delta', partial_json: token }
    yield say('content_block_delta', { delta }, 1)
  }
  yield say('content_block_stop', {})
}
