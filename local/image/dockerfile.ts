/** Reads a Dockerfile, as far as this project's goes. Pure. */

/** One line: `COPY`, and `--from=build`, `/app/dist`, `./dist`. */
export interface Step {
  readonly instruction: string
  /** The whole line, without the instruction. */
  readonly text: string
  /** Its words; for the JSON form, its strings. */
  readonly words: readonly string[]
}

export interface Stage {
  readonly image: string
  /** The name by which later stages copy from it. */
  readonly name: string | undefined
  readonly steps: readonly Step[]
}

/** @throws Error when a line is not understood, because it could not be rehearsed */
export function parseDockerfile(text: string): Stage[] {
  const stages: { image: string; name: string | undefined; steps: Step[] }[] = []
  for (const line of listLines(text)) {
    const [, instruction = '', rest = ''] = /^([A-Z]+) (.+)$/.exec(line) ?? []
    const step = { instruction, text: rest, words: split(rest) }
    const stage = stages.at(-1)
    if (instruction === 'FROM') stages.push({ image: step.words[0] ?? '', name: step.words[2], steps: [] })
    else if (instruction && stage) stage.steps.push(step)
    else throw new Error(`Not understood: ${line}`)
  }
  return stages
}

function listLines(text: string): string[] {
  const lines = text.replaceAll('\\\n', ' ').split('\n')
  return lines.filter((line) => line.trim() !== '' && !line.startsWith('#'))
}

function split(text: string): string[] {
  return text.startsWith('[') ? (JSON.parse(text) as string[]) : text.trim().split(/\s+/)
}

/** @returns the words after the options of a health check or a copy, and the options */
export function readOptions({ words }: Step): { options: ReadonlyMap<string, string>; rest: readonly string[] } {
  const count = words.findIndex((word) => !word.startsWith('--'))
  const options = words.slice(0, count).map((word) => word.slice(2).split('=') as [string, string])
  return { options: new Map(options), rest: words.slice(count) }
}
