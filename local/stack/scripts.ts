import { createHash } from 'node:crypto'

/** Lets a script access keys that it did not declare. Only Upstash knows it; Redis and Valkey refuse scripts with it. */
const UPSTASH_FLAG = 'allow-key-locking'

/** Makes Upstash's scripts run on a plain Redis without the client noticing. */
export interface ScriptBook {
  /** The command to send instead: scripts without the flag, and the hashes of those scripts. */
  translate(command: string[]): string[]
  /** The hash that the client must get if this command was a SCRIPT LOAD, else `undefined`. */
  loadedHash(command: string[]): string | undefined
}

/**
 * Starts an empty book.
 *
 * A hash is added when its script is first seen. An unknown hash is passed on unchanged, so that the server answers
 * NOSCRIPT and the client falls back to EVAL, as with Upstash.
 */
export function createScriptBook(): ScriptBook {
  const changedHashes = new Map<string, string>()

  function learn(script: string): string {
    const changed = removeFlag(script)
    if (changed !== script) changedHashes.set(sha1(script), sha1(changed))
    return changed
  }
  const known = (hash: string) => changedHashes.get(hash.toLowerCase()) ?? hash

  return {
    translate: function translate(command) {
      const [name = '', first = '', ...rest] = command
      const verb = name.toUpperCase()
      if (verb === 'EVAL' || verb === 'EVAL_RO') return [name, learn(first), ...rest]
      if (verb === 'EVALSHA' || verb === 'EVALSHA_RO') return [name, known(first), ...rest]
      if (isScript(command, 'LOAD')) return [name, first, ...rest.map(learn)]
      if (isScript(command, 'EXISTS')) return [name, first, ...rest.map(known)]
      return command
    },
    loadedHash: (command) => (isScript(command, 'LOAD') && command[2] !== undefined ? sha1(command[2]) : undefined),
  }
}

function isScript(command: string[], verb: string): boolean {
  return command[0]?.toUpperCase() === 'SCRIPT' && command[1]?.toUpperCase() === verb
}

/** Removes the flag from a shebang line and leaves every other line in place, for the sake of error messages. */
function removeFlag(script: string): string {
  return script.replace(/^#!lua[^\n]*/, (shebang) =>
    shebang.replace(/ flags=(\S+)/, (_, flags: string) => {
      const others = flags.split(',').filter((flag) => flag !== UPSTASH_FLAG)
      return others.length > 0 ? ` flags=${others.join(',')}` : ''
    }),
  )
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}
