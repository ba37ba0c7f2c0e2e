import * as z from 'zod'
import { type Answer, type Call, json, parseJson, type Reply } from './http.ts'
import { isCommandError, type RedisBackend, type RedisReply } from './redis.ts'

const Command = z
  .tuple([z.string()], z.union([z.string(), z.number(), z.boolean()]))
  .transform((words) => words.map(String))
const Commands = z.array(Command).min(1)

type Encode = (bytes: Buffer) => string

interface Parts {
  /** connected on the first command at the latest */
  redis: () => RedisBackend | Promise<RedisBackend>
  token: string
  /** called with the number of commands that are about to run */
  count: (commands: number) => void
}

/** The three services of Upstash's REST interface, as @upstash/redis 1.39 uses them. All require the bearer token. */
export function redisServices(parts: Parts): Record<'single' | 'pipeline' | 'multiExec', Answer> {
  return {
    single: withToken(parts, Command, async (command, encode) => {
      parts.count(1)
      return { result: encodeTop(await (await parts.redis()).send(command), encode) }
    }),
    pipeline: withToken(parts, Commands, async (commands, encode) => {
      parts.count(commands.length)
      const redis = await parts.redis()
      const replies = await Promise.allSettled(commands.map(redis.send))
      return replies.map((reply) =>
        reply.status === 'fulfilled' ? item(reply.value, encode) : describeFailure(reply.reason),
      )
    }),
    multiExec: withToken(parts, Commands, async (commands, encode) => {
      parts.count(commands.length)
      const redis = await parts.redis()
      return (await redis.transaction(commands)).map((reply) => item(reply, encode))
    }),
  }
}

/** Checks token and body, and converts a refusal of the server to a 400 and a lost connection to a 503. */
function withToken<T>({ token }: Parts, Body: z.ZodType<T>, run: (body: T, encode: Encode) => Promise<unknown>) {
  return async function answerRedis(call: Call): Promise<Reply> {
    if (call.headers.authorization !== `Bearer ${token}`) {
      return json(401, { error: 'WRONGPASS invalid or missing auth token' })
    }
    const body = Body.safeParse(parseJson(call.body))
    if (!body.success) return json(400, { error: `ERR failed to parse command: ${z.prettifyError(body.error)}` })
    try {
      return json(200, await run(body.data, encoder(call)))
    } catch (error) {
      return json(isCommandError(error) ? 400 : 503, { error: error instanceof Error ? error.message : String(error) })
    }
  }
}

function encoder(call: Call): Encode {
  const encoding = call.headers['upstash-encoding'] === 'base64' ? 'base64' : 'utf8'
  return (bytes) => bytes.toString(encoding)
}

function item(reply: RedisReply, encode: Encode) {
  return reply instanceof Error ? { error: reply.message } : { result: encodeTop(reply, encode) }
}

/** A refused command is only its own item's error; a lost connection is an error of the whole request. */
function describeFailure(error: unknown) {
  if (!isCommandError(error)) throw error
  return { error: error.message }
}

/** OK stays readable if it is the whole answer. Inside a list the client decodes it like any other string. */
function encodeTop(reply: RedisReply, encode: Encode): unknown {
  return Buffer.isBuffer(reply) && reply.toString() === 'OK' ? 'OK' : encodeReply(reply, encode)
}

function encodeReply(reply: RedisReply, encode: Encode): unknown {
  if (Buffer.isBuffer(reply)) return encode(reply)
  if (Array.isArray(reply)) return reply.map((element) => encodeReply(element, encode))
  if (reply instanceof Error) throw reply
  return reply
}
