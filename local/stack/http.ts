import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { ServiceName } from './faults.ts'

const MAX_BODY_BYTES = 10 * 1024 * 1024

/** One request, read completely. `gone` settles when the connection closes, answered or not. */
export interface Call {
  method: string
  url: URL
  headers: IncomingHttpHeaders
  body: string
  gone: Promise<void>
}

/**
 * What to send back. `cut` sends only half of the body, or one piece of a stream, and then drops the connection.
 * `pieces` are sent as they come, instead of `body`.
 */
export interface Reply {
  status: number
  type: string
  body: string
  pieces?: AsyncIterable<string>
  headers?: Record<string, string | string[]>
  cut?: boolean
}

export type Answer = (call: Call) => Reply | Promise<Reply>

/** An answer in JSON. */
export function json(status: number, value: unknown): Reply {
  return { status, type: 'application/json; charset=utf-8', body: JSON.stringify(value) }
}

/** A page for people, which may load nothing from outside, whatever the HTML of an email requests. */
export function html(status: number, body: string): Reply {
  const policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
  return { status, type: 'text/html; charset=utf-8', body, headers: { 'content-security-policy': policy } }
}

/** @returns the parsed body, `undefined` when it is not JSON */
export function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/**
 * Reads a request's body completely.
 *
 * A body above 10 MB is read to its end and discarded: an answer sent while the client still writes would reach it
 * as a broken connection instead of a 413.
 *
 * @returns `undefined` when the body is too large
 */
export async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk)
  }
  return bytes > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks).toString()
}

/** Writes the answer; does nothing if the client has disconnected. */
export async function send(response: ServerResponse, reply: Reply): Promise<void> {
  if (response.destroyed) return
  if (reply.pieces) return sendPieces(response, reply, reply.pieces)
  const body = Buffer.from(reply.body)
  response.writeHead(reply.status, { 'content-type': reply.type, 'content-length': body.length, ...reply.headers })
  if (reply.cut) response.write(body.subarray(0, body.length >> 1), () => response.destroy())
  else response.end(body)
}

/** A stream that throws ends as a broken connection; if the reader disconnects, it is not read further. */
async function sendPieces(response: ServerResponse, reply: Reply, pieces: AsyncIterable<string>): Promise<void> {
  response.writeHead(reply.status, { 'content-type': reply.type, ...reply.headers })
  try {
    for await (const piece of pieces) {
      if (response.destroyed) return
      await new Promise<void>((resolve) => response.write(piece, () => resolve())) // also if the reader has disconnected
      if (reply.cut) break
    }
  } catch {
    return void response.destroy()
  }
  if (reply.cut) response.destroy()
  else response.end()
}

/** The target of a method and path. Only a route with a `door` is counted and can be made to fail. */
export interface Route {
  door?: ServiceName
  answer: Answer
}
