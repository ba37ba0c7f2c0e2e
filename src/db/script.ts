import { sha1 } from '@noble/hashes/legacy.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import type { Redis } from '@upstash/redis/cloudflare'
import { utf8 } from '../lib/bytes.ts'

/**
 * A Lua script and the SHA-1 by which Redis knows it. Each begins with `flags=allow-key-locking`, so that Upstash locks
 * only the script's own keys, not the whole database.
 */
export interface Script {
  readonly source: string
  readonly sha: string
}

/** The hash is computed when the script first runs, because most isolates run only one of them. */
export function defineScript(body: string): Script {
  const source = `#!lua flags=allow-key-locking\n${body}`
  let sha: string | undefined
  return {
    source,
    get sha() {
      sha ??= bytesToHex(sha1(utf8(source)))
      return sha
    },
  }
}

/** Runs a script by its hash, or by its source if Redis no longer has it, after a restart or `SCRIPT FLUSH`. */
export async function runScript<Answer>(
  redis: Pick<Redis, 'evalsha' | 'eval'>,
  script: Script,
  keys: string[],
  args: readonly (string | number)[],
): Promise<Answer> {
  const argv = args.map(String)
  try {
    return await redis.evalsha<string[], Answer>(script.sha, keys, argv)
  } catch (error) {
    if (!(error instanceof Error && error.message.includes('NOSCRIPT'))) throw error
    return await redis.eval<string[], Answer>(script.source, keys, argv)
  }
}
