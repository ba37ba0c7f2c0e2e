import { call } from './http.ts'

/** The curl commands of a page, in their order. */
export const commandsOf = (page: string) =>
  [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)]
    .flatMap(([, block = '']) => block.replaceAll('\\\n', '').trim().split('\n'))
    .filter((line) => line.startsWith('curl '))

/** A command as `call` takes it, with what the reader has kept so far. */
function parse(command: string, variables: Readonly<Record<string, string>>) {
  const said = command
    .replaceAll(/'\$(\w+)'|\$(\w+)/g, (_, quoted, plain) => variables[quoted ?? plain] ?? '')
    .replaceAll(/user_42|customer-42|answer-1/g, (id) => `${id}-${variables.RUN}`) // the page's ids, each run its own
  const [, method = 'GET', path = ''] = /^curl (?:-X (\w+) )?"?http:\/\/localhost:8000(\/[^" ]+)/.exec(said) ?? []
  const [, token] = /Bearer ([^"]+)"/.exec(said) ?? []
  const [, actor] = /'Tollgate-Actor: ([^']+)'/.exec(said) ?? []
  const [, body] = / -d '(.*)'$/.exec(said) ?? []
  const headers = actor ? { 'Tollgate-Actor': actor } : {}
  return { path, line: `${method} ${path}`, options: { headers, ...(token && { token }), ...(body && { body }) } }
}

/** What the page says to keep of an answer, under which name. */
const KEPT: readonly (readonly [end: string, name: string, read: (body: any) => string])[] = [
  ['/login', 'TOKEN', (body) => body.access_token],
  ['/service-keys', 'SERVICE_KEY', (body) => body.key],
  ['/api-keys', 'API_KEY', (body) => body.key],
  ['/portal/sessions', 'LINK_TOKEN', (body) => new URL(body.url).searchParams.get('token') ?? ''],
  ['/portal/redeem', 'PORTAL_TOKEN', (body) => body.access_token],
]

/** Runs commands one after the other, as a reader does. */
export async function follow(commands: readonly string[], variables: Record<string, string>) {
  const answers = []
  for (const command of commands) {
    const { path, line, options } = parse(command, variables)
    const { status, body } = await call(line, options)
    answers.push({ command, status, body })
    for (const [end, name, read] of KEPT) if (path.endsWith(end)) variables[name] = read(body)
  }
  return answers
}
