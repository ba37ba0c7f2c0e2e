/** The curl commands of a page, without anything that sends them. */

const ORIGIN = 'http://localhost:8000'

/** In their order. */
export const commandsOf = (page: string) =>
  [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)]
    .flatMap(([, block = '']) => block.replaceAll('\\\n', '').trim().split('\n'))
    .filter((line) => line.startsWith('curl '))

const WORD = /(?:'[^']*'|"[^"]*"|[^\s'"])+/g
const PART = /'([^']*)'|"([^"]*)"|([^'"]+)/g

/** The words of a command, as a shell makes them: single quotes keep `$NAME`. A name without a value throws. */
export function splitWords(command: string, variables: Readonly<Record<string, string>>): string[] {
  const expand = (text: string) =>
    text.replaceAll(/\$(\w+)/g, (_, name) => {
      if (variables[name] === undefined) throw new Error(`Nobody has said what $${name} is: ${command}`)
      return variables[name]
    })
  return (command.match(WORD) ?? []).map((word) =>
    word.replaceAll(PART, (_, single, double, plain) => single ?? expand(double ?? plain)),
  )
}

/** A command as `call` takes it, with what the reader has kept so far. */
export function parseCommand(command: string, variables: Readonly<Record<string, string>>) {
  const said = splitWords(command, variables).map(
    (word) => word.replaceAll(/user_42|customer-42|answer-1/g, (id) => `${id}-${variables.RUN}`), // the page's ids, each run its own
  )
  const after = (option: string) => said[said.indexOf(option) + 1 || said.length]
  const path = said.find((word) => word.startsWith(ORIGIN))?.slice(ORIGIN.length) ?? ''
  const header = (name: string) => said.find((word) => word.startsWith(`${name}: `))?.slice(name.length + 2)
  const [token, actor, body] = [header('Authorization')?.replace(/^Bearer /, ''), header('Tollgate-Actor'), after('-d')]
  const headers = actor ? { 'Tollgate-Actor': actor } : {}
  return {
    path,
    line: `${after('-X') ?? 'GET'} ${path}`,
    options: { headers, ...(token && { token }), ...(body && { body }) },
  }
}
