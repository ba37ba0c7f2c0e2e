/** The stack of a test run, in a process of its own: see run-stack.ts. */
import { openAsBlob } from 'node:fs'
import { type Stack, startStack } from '../../local/stack/stack.ts'
import type { RunStackOptions, StackAnswer } from './run-stack.ts'

let stack: Stack | undefined

process.once('message', async ({ clusterFile, ...options }: RunStackOptions) => {
  try {
    stack = await startStack({ ...options, ...(clusterFile && { cluster: await openAsBlob(clusterFile) }) })
    answer({ url: stack.url })
  } catch (error) {
    answer({ error: error instanceof Error ? error.message : String(error) })
  }
})

process.on('disconnect', async () => {
  await stack?.close()
  process.exit()
})

const answer = (message: StackAnswer) => process.send?.(message)
