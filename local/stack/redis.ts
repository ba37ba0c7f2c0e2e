import { Redis, ReplyError } from 'ioredis'
import { createScriptBook } from './scripts.ts'

/** Commands that need a connection of their own, or that only administrators use. Upstash refuses them as well. */
const REFUSED = new Set(
  `
    BLPOP BRPOP BLMOVE BLMPOP BRPOPLPUSH BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF
    SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE MONITOR
    MULTI EXEC DISCARD WATCH UNWATCH SELECT SWAPDB MOVE AUTH HELLO QUIT RESET CLIENT
    ACL CONFIG DEBUG MODULE SHUTDOWN CLUSTER FAILOVER REPLICAOF SLAVEOF SYNC PSYNC SAVE BGSAVE BGREWRITEAOF
  `.match(/[A-Z]+/g),
)

/** If nothing arrives for this long while a reply is due, the connection is replaced and its commands fail. */
const SOCKET_TIMEOUT_MS = 5_000

/** Strings are Buffers, so that no byte is lost; an error inside an array is an Error in its place. */
export type RedisReply = Buffer | number | null | Error | RedisReply[]

export interface RedisBackend {
  /** Sends one command. Commands sent in the same turn of the event loop run in that order. */
  send(command: string[]): Promise<RedisReply>
  /** Restores a key from the result of DUMP. @param expiresAt Unix milliseconds, 0 for never */
  restore(key: string, value: Buffer, expiresAt: number): Promise<unknown>
  /** Runs all commands with nothing between them; rejects if the server accepts none of them. */
  transaction(commands: string[][]): Promise<RedisReply[]>
  close(): Promise<void>
}

/** Distinguishes a command that the server refused from a connection that broke. */
export function isCommandError(error: unknown): error is Error {
  return error instanceof ReplyError
}

/**
 * Connects to a Redis or Valkey.
 *
 * @param url a `redis://` or `rediss://` address
 * @throws an Error that names the host, never the password, if it cannot be reached
 */
export async function connectRedis(url: string): Promise<RedisBackend> {
  const redis = await connect(url)
  const scripts = createScriptBook()
  const call = ([name = '', ...args]: string[]) =>
    // ioredis recognizes no command in capitals, so it leaves the replies unchanged.
    redis.callBuffer(name.toUpperCase(), args) as Promise<RedisReply>
  const told = (command: string[], reply: RedisReply) => {
    const hash = scripts.loadedHash(command)
    return hash && Buffer.isBuffer(reply) ? Buffer.from(hash) : reply
  }

  return {
    async send(command) {
      requireSupported(command)
      return told(command, await call(scripts.translate(command)))
    },
    async transaction(commands) {
      commands.forEach(requireSupported)
      const queued = [['MULTI'], ...commands.map(scripts.translate)].map(call)
      const [replies] = await Promise.all([call(['EXEC']), Promise.allSettled(queued)])
      if (!Array.isArray(replies)) throw new Error('EXEC did not answer with a list')
      return replies.map((reply, index) => told(commands[index] ?? [], reply))
    },
    restore: (key, value, expiresAt) => redis.callBuffer('RESTORE', [key, expiresAt, value, 'ABSTTL', 'REPLACE']),
    close: async () => redis.disconnect(),
  }
}

async function connect(url: string): Promise<Redis> {
  const redis = new Redis(url, {
    protocol: 2,
    lazyConnect: true,
    // A command is never sent twice nor queued: the client at the other end decides what to do.
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    socketTimeout: SOCKET_TIMEOUT_MS,
  })
  let reason = ''
  redis.on('error', (error: Error) => {
    reason = error.message
  })
  try {
    await redis.connect()
    return redis
  } catch (cause) {
    redis.disconnect()
    throw new Error(`The Redis at ${new URL(url).host} cannot be reached: ${reason || String(cause)}`, { cause })
  }
}

function requireSupported(command: string[]): void {
  const name = command[0]?.toUpperCase() ?? ''
  const blocks = name.startsWith('XREAD') && command.some((word) => word.toUpperCase() === 'BLOCK')
  if (!blocks && !REFUSED.has(name)) return
  throw new ReplyError(
    `ERR Command is not available: '${blocks ? `${name} … BLOCK` : name}'. It does not work over HTTP`,
  )
}
