import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('./valkey-process.ts', import.meta.url))

/**
 * Starts an empty Valkey on a port of its own.
 *
 * It runs in a child process because it writes its log directly to the standard output of its process. The
 * child ends with this process, however that ends.
 *
 * @returns its `redis://` address and how to stop it
 */
export async function startValkey(): Promise<{ url: string; stop(): Promise<void> }> {
  const child = fork(PROGRAM, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: ['--no-warnings'] })
  const exited = once(child, 'exit')
  const early = exited.then(([code]) => Promise.reject(new Error(`Valkey ended at its start with code ${code}`)))
  const [port] = await Promise.race([once(child, 'message'), early])
  return { url: `redis://127.0.0.1:${port}`, stop: () => stop(child, exited) }
}

async function stop(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  child.kill('SIGKILL') // it has nothing to save, and ignores other signals
  await exited
}
