/** A chat API whose callers have API keys of Tollgate, and whose tokens count against their quotas. */
import { type Context, Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { streamSSE } from 'hono/streaming'
import { QuotaExceededError, Tollgate } from 'tollgate'
import { requireKey } from 'tollgate/hono'
import type { MeterOptions } from 'tollgate/openai'
import {
  addConversation,
  addMessage,
  type Conversation,
  deleteConversation,
  findConversation,
  listConversations,
} from './conversations.ts'
import type { Env } from './env.ts'
import { chat, generate, type Provider } from './model.ts'

const app = new Hono<Env>()

app.use(requireKey((c) => Tollgate.fromBinding(c.env.TOLLGATE)))

app.onError((error, c) => {
  if (error instanceof QuotaExceededError) return new Response(error.body, error)
  if (error instanceof HTTPException) return error.getResponse()
  console.error(error)
  return c.json({ error: 'The model cannot be reached.' }, 502)
})

app.post('/api/v1/generate', async (c) => {
  const { user_id, prompt, provider } = await readBody(c, ['user_id', 'prompt', 'provider'])
  if (provider !== 'openai' && provider !== 'anthropic') throw refuse(400, 'provider must be openai or anthropic')
  const text = await generate(c.env, provider satisfies Provider, prompt, describeUse(c, { user_id }))
  return c.json({ text })
})

/** Continues a conversation of the caller, or begins one. */
app.post('/chat', async (c) => {
  const { message, conversation_id } = await readBody(c, ['message'], ['conversation_id'])
  const owner = readOwner(c)
  const conversation = conversation_id
    ? getConversation(c, conversation_id)
    : addConversation(owner, message.slice(0, 60))
  const turns = [...conversation.messages, { role: 'user' as const, content: message }]
  const pieces = await chat(
    c.env,
    turns.map(({ role, content }) => ({ role, content })),
    describeUse(c),
  )
  addMessage(conversation, 'user', message)
  return streamSSE(c, async (stream) => {
    let answer = ''
    await stream.writeSSE({ event: 'conversation', data: conversation.id })
    for await (const text of pieces) {
      answer += text
      await stream.writeSSE({ data: JSON.stringify({ text }) })
      if (stream.aborted) break // leaving the loop ends the model's stream, and settles what came
    }
    addMessage(conversation, 'assistant', answer)
    await stream.writeSSE({ data: '[DONE]' })
  })
})

app.post('/conversations', async (c) => {
  const { title } = await readBody(c, ['title'])
  return c.json(show(addConversation(readOwner(c), title)), 201)
})
app.get('/conversations', (c) => c.json({ data: listConversations(readOwner(c)).map(show) }))
app.get('/conversations/:id', (c) => c.json(show(getConversation(c, c.req.param('id')))))
app.patch('/conversations/:id', async (c) => {
  const conversation = getConversation(c, c.req.param('id'))
  conversation.title = (await readBody(c, ['title'])).title
  return c.json(show(conversation))
})
app.delete('/conversations/:id', (c) => {
  deleteConversation(getConversation(c, c.req.param('id')))
  return c.body(null, 204)
})
app.get('/conversations/:id/messages', (c) => c.json({ data: getConversation(c, c.req.param('id')).messages }))
app.delete('/conversations/:id/messages/:message', (c) => {
  const conversation = getConversation(c, c.req.param('id'))
  const kept = conversation.messages.filter(({ id }) => id !== c.req.param('message'))
  if (kept.length === conversation.messages.length) throw refuse(404, 'No such message.')
  conversation.messages = kept
  return c.body(null, 204)
})

export default app

const refuse = (status: 400 | 404 | 503, error: string) =>
  new HTTPException(status, { res: Response.json({ error }, { status }) })

/** The organization of the key. */
function readOwner(c: Context<Env>): string {
  const { organization_id } = c.var.tollgate.verdict
  if (!organization_id) throw refuse(503, 'Nobody can tell whose key this is.')
  return organization_id
}

function getConversation(c: Context<Env>, id: string): Conversation {
  const found = findConversation(readOwner(c), id)
  if (!found) throw refuse(404, 'No such conversation.')
  return found
}

const show = ({ id, title, messages }: Conversation) => ({ id, title, messages: messages.length })

/** The use counts for the key, as a part of the request that Tollgate let through. */
function describeUse(c: Context<Env>, metadata: Record<string, string> = {}): MeterOptions {
  const { key_id, request_id } = c.var.tollgate.verdict
  const waitUntil = (work: Promise<unknown>) => c.executionCtx.waitUntil(work)
  return { key_id, waitUntil, details: { request_id, endpoint: c.req.path, metadata } }
}

async function readBody<Name extends string, More extends string = never>(
  c: Context<Env>,
  required: readonly Name[],
  optional: readonly More[] = [],
): Promise<Record<Name, string> & Partial<Record<More, string>>> {
  const body = (await c.req.json().catch(() => null)) as Record<string, unknown> | null
  const isGood = (name: string) => typeof body?.[name] === 'string' && body[name] !== ''
  const wrong = [
    ...required.filter((name) => !isGood(name)),
    ...optional.filter((name) => body?.[name] !== undefined && !isGood(name)),
  ]
  if (wrong.length > 0) throw refuse(400, `Must be texts: ${wrong.join(', ')}`)
  return body as Record<Name, string> & Partial<Record<More, string>>
}
