/** The curl commands of a page, without anything that sends them. */

/** In their order. */
export const commandsOf = (page: string) =>
  [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)]
    .flatMap(([, block = '']) => block.replaceAll('\\\n', '').trim().split('\n'))
    .filter((line) => line.startsWith('curl '))

/** A command as `call` takes it, with what the reader has kept so far. */
export function parseCommand(command: string, variables: Readonly<Record<string, string>>) {
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
