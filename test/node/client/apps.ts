/** Apps that Tollgate protects, started as their users start them, and called by curl. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import { freePort } from '../../../local/stack/free-port.ts'

export interface App {
  readonly url: string
  stop(): Promise<unknown>
}

type Variables = Readonly<Record<string, string>>

/** Runs a program that listens on `PORT`, until it answers. */
export async function startProgram(file: string, variables: Variables): Promise<App> {
  const port = await freePort()
  const child = spawn(process.execPath, ['--no-warnings', file], {
    env: { ...variables, PORT: String(port) },
    stdio: 'inherit',
  })
  const exited = once(child, 'exit')
  const url = `http://127.0.0.1:${port}`
  await expect
    .poll(
      () =>
        fetch(url)
          .then(() => true)
          .catch(() => false),
      { timeout: 20_000 },
    )
    .toBe(true)
  return {
    url,
    stop() {
      child.kill('SIGTERM')
      return exited
    },
  }
}

/** Calls the handler as Next.js does: with the request, and a promise of the route's parameters. */
export async function startRoute(file: string, variables: Variables): Promise<App> {
  Object.assign(process.env, variables)
  const { GET } = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as {
    GET: (request: Request, context: object) => Promise<Response>
  }
  const server = createServer(async (request, response) => {
    const headers = new Headers(request.headers as Record<string, string>)
    const params = Promise.resolve({ id: request.url?.split('/').at(-1) })
    const answer = await GET(new Request(`http://localhost${request.url}`, { headers }), { params })
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = async () => server.close()
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop }
}

/** Runs a documented line in a shell. Not blocking: the app may be in this process. @returns what it printed */
export async function execute(line: string, variables: Variables = {}): Promise<string> {
  const env = { PATH: process.env.PATH, ...variables }
  return (await promisify(execFile)('bash', ['-c', `${line} -s`], { env })).stdout
}

/** Status, names of headers in small letters, and the body, of what `curl -i` printed. */
export function readAnswer(text: string) {
  const [head = '', body = ''] = text.trim().split(/\r?\n\r?\n/)
  const [first = '', ...headers] = head.split(/\r?\n/)
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(first)?.[1]),
    names: headers.map((line) => line.split(':')[0]?.toLowerCase()),
    body: JSON.parse(body) as unknown,
  }
}
