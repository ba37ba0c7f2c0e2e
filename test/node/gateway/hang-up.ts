import { connect } from 'node:net'

/**
 * A caller who asks, and is gone before an answer. Its headers may announce a longer body than it sends. The connection is reset: behind HTTP/1.1 alone, workerd takes a half-closed one
 * for a caller who still listens.
 */
export function askAndHangUp(address: string, headers: Readonly<Record<string, string>>, body?: string) {
  const { hostname, port, host, pathname } = new URL(address)
  const all = {
    Host: host,
    ...(body !== undefined && { 'Content-Length': String(Buffer.byteLength(body)) }),
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  const socket = connect(Number(port), hostname, () => {
    socket.write([`${body === undefined ? 'GET' : 'POST'} ${pathname} HTTP/1.1`, ...lines, '', body ?? ''].join('\r\n'))
  })
  socket.on('error', () => undefined)
  return { hangUp: () => void socket.resetAndDestroy() }
}
