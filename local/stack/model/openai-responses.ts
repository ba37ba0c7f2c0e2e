import * as z from 'zod'
import { type Dialect, type Exchange, type Frame, frame, readBearer } from './dialect.ts'
import { Content, readContent } from './openai-chat.ts'
import { failOpenAi } from './openai-errors.ts'
import type { ModelRequest, Part } from './words.ts'

const Item = z.looseObject({ role: z.string().optional(), content: Content, output: z.string().optional() })

const Body = z.looseObject({
  model: z.string().min(1),
  input: z.union([z.string(), z.array(Item).min(1)]),
  instructions: z.string().nullish(),
  stream: z.boolean().nullish(),
  max_output_tokens: z.int().min(1).nullish(),
  tools: z.array(z.looseObject({ name: z.string().optional() })).nullish(),
})

/** OpenAI's Responses API. A stream always ends with its usage. */
export const openAiResponses: Dialect = {
  path: '/model/openai/v1/responses',
  readKey: readBearer,
  parse,
  fail: failOpenAi,
  write: (exchange) => response(exchange, 'completed'),
  stream,
}

function parse(value: unknown): ModelRequest | { wrong: string } {
  const { data: body, error } = Body.safeParse(value)
  if (error) return { wrong: z.prettifyError(error) }
  const items: z.infer<typeof Item>[] =
    typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : body.input
  const system = body.instructions ? [{ role: 'system', content: body.instructions }] : []
  const all = [...system, ...items]
  return {
    model: body.model,
    prompt: all.map((item, at) => ({
      role: item.role ?? 'tool',
      text: readItem(item),
      isBreakpoint: at < all.length - 1,
    })),
    tools: body.tools?.flatMap(({ name }) => name ?? []) ?? [],
    maxTokens: body.max_output_tokens ?? undefined,
    isStream: body.stream ?? false,
    hasUsage: true,
  }
}

const readItem = ({ content, output = '' }: z.infer<typeof Item>) => (content == null ? output : readContent(content))

function response(exchange: Exchange, status: 'in_progress' | 'completed'): object {
  const { id, at, asked, answer, usage } = exchange
  const isDone = status === 'completed'
  const isCut = isDone && answer.ending === 'length'
  return {
    id: `resp_${id}`,
    object: 'response',
    created_at: at,
    status: isCut ? 'incomplete' : status,
    error: null,
    incomplete_details: isCut ? { reason: 'max_output_tokens' } : null,
    instructions: null,
    model: asked.model,
    output: isDone ? answer.parts.map((part, index) => item(exchange, part, index)) : [],
    parallel_tool_calls: true,
    tool_choice: 'auto',
    tools: [],
    usage: isDone
      ? {
          input_tokens: usage.input,
          input_tokens_details: { cached_tokens: usage.cacheRead },
          output_tokens: answer.outputTokens,
          output_tokens_details: { reasoning_tokens: 0 },
          total_tokens: usage.input + answer.outputTokens,
        }
      : null,
  }
}

const textPart = (text: string) => ({ type: 'output_text', text, annotations: [], logprobs: [] })

function item({ id }: Exchange, part: Part, index: number, status = 'completed') {
  const text = part.tokens.join('')
  if (part.type === 'text')
    return { id: `msg_${id}_${index}`, type: 'message', role: 'assistant', status, content: [textPart(text)] }
  const call = { call_id: `call_${id}_${index}`, name: part.name, arguments: text }
  return { id: `fc_${id}_${index}`, type: 'function_call', status, ...call }
}

function* stream(exchange: Exchange): Iterable<Frame> {
  let sequence_number = 0
  const event = (type: string, data: object, tokens = 0) =>
    frame({ type, sequence_number: sequence_number++, ...data }, tokens, type)
  const { parts, ending } = exchange.answer
  yield event('response.created', { response: response(exchange, 'in_progress') })
  yield event('response.in_progress', { response: response(exchange, 'in_progress') })
  for (const [output_index, part] of parts.entries()) yield* streamPart(exchange, part, output_index, event)
  const last = ending === 'length' ? 'response.incomplete' : 'response.completed'
  yield event(last, { response: response(exchange, 'completed') })
}

type Event = (type: string, data: object, tokens?: number) => Frame

function* streamPart(exchange: Exchange, part: Part, output_index: number, event: Event): Iterable<Frame> {
  const whole = item(exchange, part, output_index)
  const place = { item_id: whole.id, output_index }
  const begun = item(exchange, { ...part, tokens: [] }, output_index, 'in_progress')
  yield event('response.output_item.added', {
    output_index,
    item: { ...begun, ...('content' in begun && { content: [] }) },
  })
  if (part.type === 'text') {
    const [at, text] = [{ ...place, content_index: 0 }, part.tokens.join('')]
    yield event('response.content_part.added', { ...at, part: textPart('') })
    for (const delta of part.tokens) yield event('response.output_text.delta', { ...at, delta, logprobs: [] }, 1)
    yield event('response.output_text.done', { ...at, text, logprobs: [] })
    yield event('response.content_part.done', { ...at, part: textPart(text) })
  } else {
    for (const delta of part.tokens) yield event('response.function_call_arguments.delta', { ...place, delta }, 1)
    const said = { name: part.name, arguments: part.tokens.join('') }
    yield event('response.function_call_arguments.done', { ...place, ...said })
  }
  yield event('response.output_item.done', { output_index, item: whole })
}
