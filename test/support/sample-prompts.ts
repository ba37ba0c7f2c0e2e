/** Prompts in the forms of all providers, for what estimates their tokens: the gateway, and the client's wrappers of models. */

/** 25,000 tokens. */
const TEXT = 'word'.repeat(25_000)
const BASE64 = 'A'.repeat(400_000)
export const TOKENS_PER_TEXT = 25_000
export const TOKENS_PER_FILE = 1_600
/** Of the short texts around the long ones. */
export const TOLERANCE_TOKENS = 120

export interface SamplePrompt {
  readonly body: Readonly<Record<string, unknown>>
  readonly texts: number
  readonly files: number
}

const sample = (body: SamplePrompt['body'], texts: number, files = 0): SamplePrompt => ({ body, texts, files })
const message = (content: unknown, role = 'user') => ({ messages: [{ role, content }] })
const schema = { type: 'object', properties: { [TEXT]: { type: 'string', description: TEXT } } }
const json = { city: TEXT, nested: [{ [TEXT]: 1 }] }

export const SAMPLE_PROMPTS: Readonly<Record<string, SamplePrompt>> = {
  'chat: text, alone and in parts': sample(
    { messages: [...message(TEXT, 'system').messages, ...message([{ type: 'text', text: TEXT }]).messages] },
    2,
  ),
  'chat: a tool call and its result': sample(
    {
      messages: [
        { role: 'assistant', tool_calls: [{ id: BASE64, type: 'function', function: { name: 'f', arguments: TEXT } }] },
        { role: 'assistant', tool_calls: [{ id: BASE64, type: 'custom', custom: { name: 'f', input: TEXT } }] },
        { role: 'assistant', function_call: { name: 'f', arguments: TEXT } },
        { role: 'tool', tool_call_id: BASE64, content: TEXT },
      ],
    },
    4,
  ),
  'chat: reasoning, a refusal and a prediction': sample(
    { messages: [{ reasoning_content: TEXT }, { refusal: TEXT }], prediction: { type: 'content', content: TEXT } },
    3,
  ),
  'chat: tools, legacy functions and the schema of the answer': sample(
    {
      tools: [{ type: 'function', function: { name: 'f', description: TEXT, parameters: schema } }],
      functions: [{ name: 'f', parameters: schema }],
      response_format: { type: 'json_schema', json_schema: { name: 'n', description: TEXT, schema } },
    },
    8,
  ),
  'chat: pictures, audio and files': sample(
    message([
      { type: 'image_url', image_url: { url: `data:image/png;base64,${BASE64}` } },
      { type: 'input_audio', input_audio: { data: BASE64, format: 'wav' } },
      { type: 'file', file: { file_data: BASE64 } },
    ]),
    0,
    3,
  ),
  'responses: text, instructions and the schema of the answer': sample(
    { input: TEXT, instructions: TEXT, text: { format: { type: 'json_schema', name: 'n', schema } } },
    4,
  ),
  'responses: calls and their results': sample(
    {
      input: [
        { type: 'function_call', call_id: BASE64, name: 'f', arguments: TEXT },
        { type: 'function_call_output', call_id: BASE64, output: TEXT },
        { type: 'function_call_output', call_id: BASE64, output: [{ type: 'input_text', text: TEXT }] },
        { type: 'custom_tool_call', call_id: BASE64, name: 'f', input: TEXT },
        { type: 'reasoning', id: BASE64, summary: [{ type: 'summary_text', text: TEXT }] },
        { type: 'shell_call', action: { commands: [TEXT] } },
      ],
    },
    6,
  ),
  'responses: variables of a stored prompt': sample({ prompt: { id: BASE64, variables: { city: TEXT } } }, 1),
  'responses: pictures': sample(
    {
      input: [
        message([{ type: 'input_image', image_url: `data:image/png;base64,${BASE64}` }]).messages[0],
        { type: 'image_generation_call', id: 'ig', result: BASE64 },
      ],
    },
    0,
    2,
  ),
  'messages: system, tools and thinking': sample(
    {
      system: [{ type: 'text', text: TEXT, cache_control: { type: 'ephemeral' } }],
      tools: [{ name: 'f', description: TEXT, input_schema: schema }],
      ...message([{ type: 'thinking', thinking: TEXT, signature: BASE64 }], 'assistant'),
    },
    5,
  ),
  'messages: a tool call and its result': sample(
    {
      messages: [
        ...message([{ type: 'tool_use', id: BASE64, name: 'f', input: json }], 'assistant').messages,
        ...message([{ type: 'tool_result', tool_use_id: BASE64, content: TEXT }]).messages,
        ...message([{ type: 'tool_result', tool_use_id: BASE64, content: [{ type: 'text', text: TEXT }] }]).messages,
      ],
    },
    4,
  ),
  'messages: documents': sample(
    message([
      { type: 'document', title: TEXT, source: { type: 'text', media_type: 'text/plain', data: TEXT } },
      { type: 'document', source: { type: 'content', content: [{ type: 'text', text: TEXT }] } },
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: BASE64 } },
      { type: 'search_result', source: 'https://example.com', title: 't', content: [{ type: 'text', text: TEXT }] },
    ]),
    4,
    1,
  ),
  'messages: a text that was cited counts no second time': sample(
    message([{ type: 'text', text: TEXT, citations: [{ type: 'char_location', cited_text: TEXT }] }], 'assistant'),
    1,
  ),
}
