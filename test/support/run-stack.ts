import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { StackOptions } from '../../local/stack/stack.ts'

const PROGRAM = fileURLToPath(new URL('./stack-process.ts', import.meta.url))

/** Options of a stack as another process can get them: the cluster is a file. */
export type RunStackOptions = Omit<StackOptions, 'cluster'> & { readonly clusterFile?: string | undefined }
export type StackAnswer = { readonly url: string } | { readonly error: string }

/**
 * Starts a stack in a process of its own. So the embedded database works on one core while the tests' modules are transformed
 * on another.
 *
 * @throws Error with the stack's own message if it cannot start
 */
export async function runStack(options: RunStackOptions) {
  const child = fork(PROGRAM, { execArgv: ['--no-warnings'] })
  const ended = once(child, 'exit')
  child.send(options)
  const [answer] = (await Promise.race([once(child, 'message'), ended.then(noAnswer)])) as [StackAnswer]
  const close = async () => {
    if (child.connected) child.disconnect()
    await ended
  }
  if ('url' in answer) return { url: answer.url, close }
  await close()
  throw new Error(answer.error)
}

const noAnswer = ([code]: unknown[]): [StackAnswer] => [{ error: `The stack's process ended with ${String(code)}.` }]
