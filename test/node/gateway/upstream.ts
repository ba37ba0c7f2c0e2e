/** An arbitrary API behind the gateway: it reports what arrived, and responds in every possible way. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { gzipSync } from 'node:zlib'

interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  body: string
  bytes: number
  /** Resolves when the connection of the request has ended without a complete response. */
  readonly hungUp: Promise<void>
}

export type Upstream = Awaited<ReturnType<typeof startUpstream>>

type Answer = (request: IncomingMessage, response: ServerResponse, seen: Seen) => void | Promise<void>

/** @param answers by the first part of the path; all other paths are echoed */
export async function startUpstream(answers: Readonly<Record<string, Answer>> = {}) {
  const requests: Seen[] = []
  const server = createServer((request, response) => void respond(request, response))

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const hungUp = Promise.withResolvers<void>()
    response.on('close', () => {
      if (!response.writableFinished) hungUp.resolve()
    })
    const { method = '', url = '', headers } = request
    const seen: Seen = { method, url, headers, body: '', bytes: 0, hungUp: hungUp.promise }
    requests.push(seen)
    const answer = { ...ANSWERS, ...answers }[url.split(/[/?]/)[1] ?? '']
    try {
      if (answer) await answer(request, response, seen)
      else await echo(request, response, seen)
    } catch {
      response.destroy() // the caller disconnected
    }
  }

  server.on('upgrade', upgrade)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function readBody(request: IncomingMessage, seen: Seen): Promise<void> {
  for await (const chunk of request as AsyncIterable<Buffer>) {
    seen.bytes += chunk.length
    if (seen.bytes <= 100_000) seen.body += chunk.toString()
  }
}

const echo: Answer = async (request, response, seen) => {
  await readBody(request, seen)
  const { method, url, headers, body } = seen
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ method, url, headers, body }))
}

const MEGABYTE = Buffer.alloc(1024 * 1024, 'x')

/** Writes at the reader's speed. */
async function write(response: ServerResponse, chunk: Buffer | string): Promise<void> {
  if (response.destroyed) throw new Error('closed')
  if (response.write(chunk)) return
  const ready = new AbortController()
  const { signal } = ready
  await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })])
  ready.abort()
}

const ANSWERS: Readonly<Record<string, Answer>> = {
  /** Accepts this many bytes, and reports their number and digest. */
  async sink(request, response, seen) {
    const digest = createHash('sha256')
    for await (const chunk of request as AsyncIterable<Buffer>) {
      seen.bytes += chunk.length
      digest.update(chunk)
    }
    response.writeHead(200).end(JSON.stringify({ bytes: seen.bytes, sha256: digest.digest('hex') }))
  },
  /** `/big/{megabytes}` */
  async big(request, response) {
    response.writeHead(200, { 'Content-Type': 'application/octet-stream' })
    for (let left = Number(request.url?.split('/')[2]); left > 0; left--) await write(response, MEGABYTE)
    response.end()
  },
  /** Never responds. */
  silent: () => undefined,
  /** Sends an event again and again, forever. */
  async drip(_, response) {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    for (let at = 1; !response.destroyed; at++) {
      await write(response, `data: ${at}\n\n`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  },
  cut(_, response) {
    response.writeHead(200, { 'Content-Length': 100 })
    response.write('half', () => response.destroy())
  },
  gzip(_, response) {
    const body = gzipSync('compressed')
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip' }).end(body)
  },
  /** `/status/{code}` */
  status(request, response) {
    const status = Number(request.url?.split('/')[2])
    response
      .writeHead(status, { 'X-Upstream': 'yes' })
      .end(status === 204 || status === 304 ? undefined : `is ${status}`)
  },
  /** Sends the `headers` of the query as its headers. */
  headers(request, response) {
    const { searchParams } = new URL(request.url ?? '', 'http://upstream')
    response
      .writeHead(Number(searchParams.get('status') ?? 200), JSON.parse(searchParams.get('headers') ?? '{}'))
      .end('{}')
  },
}

const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11' // RFC 6455 §1.3

const CLOSE = 8

/** A WebSocket that echoes each short text. */
function upgrade(request: IncomingMessage, socket: Duplex): void {
  const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}${MAGIC}`).digest('base64')
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  socket.on('error', () => undefined)
  socket.on('data', (frame: Buffer) => {
    const [first = 0, second = 0] = frame
    const length = second & 0x7f
    if ((first & 0x0f) === CLOSE) {
      socket.end(Buffer.from([0x88, 0]))
      return
    }
    const mask = frame.subarray(2, 6)
    const text = frame.subarray(6, 6 + length).map((byte, at) => byte ^ (mask[at % 4] ?? 0))
    socket.write(Buffer.concat([Buffer.from([0x81, length]), text]))
  })
}
