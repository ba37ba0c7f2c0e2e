import { once } from 'node:events'
import { connect, createServer, type Server as Relay, type Socket } from 'node:net'
import { freePort } from '../../../local/stack/free-port.ts'

/** Forwards a store's bytes, and can be down for a while, or hang: then it accepts connections and forwards nothing. */
export async function openRelay(to: URL, otherwise: number) {
  const sockets = new Set<Socket>()
  const port = await freePort()
  let relay: Relay
  let isHanging = false
  async function open() {
    relay = createServer((socket) => {
      const store = connect(Number(to.port || otherwise), to.hostname)
      for (const one of [socket, store]) sockets.add(one.on('error', () => undefined))
      if (!isHanging) socket.pipe(store).pipe(socket)
    }).listen(port, '127.0.0.1')
    await once(relay, 'listening')
  }
  async function close() {
    relay.close()
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  /** Connections that hang do so until their client closes them; later ones are forwarded once it no longer hangs. */
  function hang(): void {
    isHanging = true
    for (const socket of sockets) socket.unpipe().resume()
  }
  const recover = () => {
    isHanging = false
  }
  await open()
  const url = new URL(to)
  url.host = `127.0.0.1:${port}`
  return { url: url.href, open, close, hang, recover }
}
