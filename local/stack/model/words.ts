/** What the model reads and says. One word is one token, so a caller can count along. */

/** A text of the prompt. At a breakpoint, everything up to it can be read from the cache of an earlier call. */
export interface PromptText {
  readonly role: string
  readonly text: string
  readonly isBreakpoint: boolean
}

/** A request, independent of its provider's format. */
export interface ModelRequest {
  readonly model: string
  readonly prompt: readonly PromptText[]
  /** Names of the tools that may be called. */
  readonly tools: readonly string[]
  readonly maxTokens: number | undefined
  readonly isStream: boolean
  /** Whether a stream ends with its usage. */
  readonly hasUsage: boolean
}

/** A run of tokens. They keep their spaces: joined, they are the text, or the JSON of a tool's arguments. */
export type Part =
  | { readonly type: 'text'; readonly tokens: readonly string[] }
  | { readonly type: 'tool'; readonly name: string; readonly tokens: readonly string[] }

export interface Answer {
  readonly parts: readonly Part[]
  readonly outputTokens: number
  readonly ending: 'stop' | 'length' | 'tools'
}

/** @returns one token for each word; the spaces after a word belong to it */
const toTokens = (text: string): string[] => text.match(/\S+\s*/g) ?? []

export const countTokens = (texts: readonly { readonly text: string }[]): number =>
  texts.reduce((sum, { text }) => sum + toTokens(text).length, 0)

/**
 * Answers a prompt, deterministically: it repeats the last text. If a user's text names tools, it calls each of
 * them instead. It stops at `maxTokens`.
 */
export function answerPrompt({ prompt, tools, maxTokens = Number.POSITIVE_INFINITY }: ModelRequest): Answer {
  const last = prompt.at(-1)
  const named = last?.role === 'user' ? tools.filter((name) => last.text.includes(name)) : []
  const said = last?.text ?? ''
  const wanted: Part[] =
    named.length > 0
      ? named.map((name) => ({ type: 'tool', name, tokens: toTokens(JSON.stringify({ text: said })) }))
      : [{ type: 'text', tokens: toTokens(`You said: ${said}`) }]
  const parts = cut(wanted, maxTokens)
  const outputTokens = count(parts)
  const isCut = outputTokens < count(wanted)
  return { parts, outputTokens, ending: isCut ? 'length' : named.length > 0 ? 'tools' : 'stop' }
}

const count = (parts: readonly Part[]) => parts.reduce((sum, { tokens }) => sum + tokens.length, 0)

function cut(parts: readonly Part[], maxTokens: number): Part[] {
  let left = maxTokens
  return parts.flatMap((part) => {
    const tokens = part.tokens.slice(0, left)
    left -= tokens.length
    return tokens.length > 0 ? [{ ...part, tokens }] : []
  })
}
