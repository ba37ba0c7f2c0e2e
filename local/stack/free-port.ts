import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Ports that no system assigns by itself: those for outgoing connections and for servers that ask for any port begin at 32768 on
 * Linux and at 49152 elsewhere. One of them could be taken before a server that needs seconds to start listens on it. Below 10100
 * there are ports that `fetch` refuses.
 */
const FIRST = 10_100
const LAST = 32_000

/** @returns a TCP port of 127.0.0.1 that nothing listens on, and that is not assigned by chance */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST))
    if (await isFree(port)) return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer().listen(port, '127.0.0.1')
  try {
    await once(probe, 'listening')
  } catch {
    return false
  }
  probe.close()
  await once(probe, 'close')
  return true
}
