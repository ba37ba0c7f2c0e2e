import { type Call, json, type Reply, type Route } from '../http.ts'
import { answerIn } from './answer.ts'
import { anthropicMessages } from './anthropic.ts'
import { createPromptCache } from './cache.ts'
import { createCalls } from './calls.ts'
import { readBearer } from './dialect.ts'
import { createKnobs } from './knobs.ts'
import { openAiChat } from './openai-chat.ts'
import { failOpenAi } from './openai-errors.ts'
import { openAiResponses } from './openai-responses.ts'

/** Listed by `/models`. A call may name any model. */
const MODELS = ['gpt-4o', 'gpt-4o-mini', 'gpt-5', 'gpt-5-mini']

/**
 * A language model that speaks the APIs of OpenAI and Anthropic. It repeats its input, one word per token. Headers
 * (`X-Model-Delay-Ms`, `X-Model-Fail-After`, `X-Model-Status`) or `POST /control/model` make it slow or fail, and
 * `GET /model/calls` lists what it has sent to whom.
 */
export function modelRoutes(): Record<string, Route> {
  const model = { calls: createCalls(), cache: createPromptCache(), knobs: createKnobs() }
  const dialects = [openAiChat, openAiResponses, anthropicMessages]
  const show = ({ url }: Call) => json(200, model.calls.list(url.searchParams.get('key'), url.searchParams.get('path')))
  return {
    ...Object.fromEntries(
      dialects.map((dialect) => [`POST ${dialect.path}`, { door: 'model', answer: answerIn(dialect, model) } as const]),
    ),
    'GET /model/openai/v1/models': { door: 'model', answer: listModels },
    'GET /model/calls': { answer: show },
    'DELETE /model/calls': { answer: () => cleared(model.calls, model.cache) },
    'GET /control/model': { answer: model.knobs.list },
    'POST /control/model': { answer: model.knobs.add },
    'DELETE /control/model': { answer: () => cleared(model.knobs) },
  }
}

function listModels({ headers }: Call): Reply {
  if (readBearer(headers) === undefined) return failOpenAi(401, 'You did not provide an API key.')
  const data = MODELS.map((id) => ({ id, object: 'model', created: 1_700_000_000, owned_by: 'local' }))
  return json(200, { object: 'list', data })
}

function cleared(...memories: readonly { clear(): void }[]): Reply {
  for (const memory of memories) memory.clear()
  return { status: 204, type: 'text/plain', body: '' }
}
