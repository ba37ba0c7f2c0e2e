import { parseCommand } from './curl.ts'
import { call } from './http.ts'

export { commandsOf } from './curl.ts'

/** What the page says to keep of a response, and under which name. */
const KEPT: readonly (readonly [end: string, name: string, read: (body: any) => string])[] = [
  ['/login', 'TOKEN', (body) => body.access_token],
  ['/service-keys', 'SERVICE_KEY', (body) => body.key],
  ['/api-keys', 'API_KEY', (body) => body.key],
  ['/portal/sessions', 'LINK_TOKEN', (body) => new URLSearchParams(new URL(body.url).hash.slice(1)).get('token') ?? ''],
  ['/portal/redeem', 'PORTAL_TOKEN', (body) => body.access_token],
]

/** Runs commands one after the other, as a reader does. */
export async function follow(commands: readonly string[], variables: Record<string, string>) {
  const answers = []
  for (const command of commands) {
    const { path, line, options } = parseCommand(command, variables)
    const { status, body } = await call(line, options)
    answers.push({ command, status, body })
    for (const [end, name, read] of KEPT) if (path.endsWith(end)) variables[name] = read(body)
  }
  return answers
}
