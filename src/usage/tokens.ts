/** The names of token counts, and how they combine. Pure. */

/**
 * Every name that a reporter may use. OpenAI uses prompt, completion and total; Anthropic counts its cache separately.
 */
export const TOKEN_FIELDS = [
  'tokens',
  'total_tokens',
  'input_tokens',
  'prompt_tokens',
  'output_tokens',
  'completion_tokens',
  'cached_tokens',
  'cache_read_input_tokens',
  'cache_creation_input_tokens',
  'cache_write_tokens',
  'audio_input_tokens',
  'audio_output_tokens',
] as const

type TokenField = (typeof TOKEN_FIELDS)[number]
export type ReportedTokens = { readonly [Field in TokenField]?: number | null | undefined }

/** A count is absent if it was not reported. */
export interface Tokens {
  /** All input tokens, cached or not. */
  readonly input_tokens?: number
  readonly output_tokens?: number
  /** Input tokens that came from a cache. */
  readonly cached_tokens?: number
  /** Input tokens that were written to a cache. */
  readonly cache_write_tokens?: number
  readonly audio_input_tokens?: number
  readonly audio_output_tokens?: number
}

export interface Contradiction {
  readonly field: TokenField
  readonly message: string
}

/**
 * Converts the reported counts to the stored ones, in which cached, written and audio tokens are
 * parts of the input and the output.
 *
 * `cache_read_input_tokens` and `cache_creation_input_tokens` are in addition to `input_tokens`, as Anthropic counts
 * them. So are `cached_tokens` that exceed the input, since they cannot be part of it. Tokens of which only the sum is
 * known count as output, the more expensive kind, as in a reservation.
 */
export function resolveTokens(reported: ReportedTokens): Tokens | Contradiction {
  return findContradiction(reported) ?? resolveParts(reported)
}

function resolveParts(reported: ReportedTokens): Tokens | Contradiction {
  const tokens = resolveSums(reported)
  if ('field' in tokens) return tokens
  return findExcess(reported, tokens) ?? { ...tokens, ...readParts(reported) }
}

function resolveSums(reported: ReportedTokens): Tokens | Contradiction {
  const read = reported.cache_read_input_tokens ?? undefined
  const cached = reported.cached_tokens ?? read
  const fresh = reported.input_tokens ?? reported.prompt_tokens ?? undefined
  const beside = add(
    read ?? (cached !== undefined && cached > (fresh ?? 0) ? cached : undefined),
    reported.cache_creation_input_tokens,
  )
  return complete(reported, add(fresh, beside), cached)
}

const readParts = (reported: ReportedTokens): Tokens => ({
  ...definedField(
    'cache_write_tokens',
    reported.cache_write_tokens ?? reported.cache_creation_input_tokens ?? undefined,
  ),
  ...definedField('audio_input_tokens', reported.audio_input_tokens ?? undefined),
  ...definedField('audio_output_tokens', reported.audio_output_tokens ?? undefined),
})

/** Finds a part that is larger than the whole. */
function findExcess(reported: ReportedTokens, { input_tokens = 0, output_tokens = 0 }: Tokens) {
  const { cache_write_tokens = 0, audio_input_tokens = 0, audio_output_tokens = 0 } = readParts(reported)
  if (audio_output_tokens > output_tokens) return isNoPart('audio_output_tokens', 'output_tokens')
  if (audio_input_tokens > input_tokens) return isNoPart('audio_input_tokens', 'input_tokens')
  if (cache_write_tokens + audio_input_tokens > input_tokens) return isNoPart('cache_write_tokens', 'input_tokens')
  return undefined
}

const isNoPart = (field: TokenField, whole: TokenField): Contradiction => ({
  field,
  message: `must be part of ${whole}`,
})

function complete(
  reported: ReportedTokens,
  input: number | undefined,
  cached: number | undefined,
): Tokens | Contradiction {
  const output = reported.output_tokens ?? reported.completion_tokens ?? undefined
  const rest = findRest(reported, input, output)
  if (rest !== undefined && rest < 0) {
    return {
      field: reported.tokens == null ? 'total_tokens' : 'tokens',
      message: 'must be the sum of input and output tokens',
    }
  }
  const isInput = output !== undefined && input === undefined
  return {
    ...definedField('input_tokens', isInput ? rest : input),
    ...definedField('output_tokens', isInput ? output : add(output, rest)),
    ...definedField('cached_tokens', cached),
  }
}

/** @returns the tokens of the sum that are neither input nor output; below 0 if the sum is wrong */
function findRest(reported: ReportedTokens, input: number | undefined, output: number | undefined): number | undefined {
  const total = reported.tokens ?? reported.total_tokens
  if (total == null) return undefined
  const rest = total - (input ?? 0) - (output ?? 0)
  return rest > 0 && input !== undefined && output !== undefined ? -1 : rest
}

const SYNONYMS = [
  ['input_tokens', 'prompt_tokens'],
  ['output_tokens', 'completion_tokens'],
  ['tokens', 'total_tokens'],
  ['cached_tokens', 'cache_read_input_tokens'],
  ['cache_write_tokens', 'cache_creation_input_tokens'],
] as const

function findContradiction(reported: ReportedTokens): Contradiction | undefined {
  const pair = SYNONYMS.find(([one, other]) => {
    const [a, b] = [reported[one], reported[other]]
    return a != null && b != null && a !== b
  })
  return pair && { field: pair[1], message: `must be the same as ${pair[0]}, which means the same` }
}

/** The sum of the known counts; undefined if none is known. */
function add(...counts: (number | null | undefined)[]): number | undefined {
  const known = counts.filter((count) => count != null)
  return known.length === 0 ? undefined : known.reduce((sum, count) => sum + count, 0)
}

const definedField = <Name extends string>(name: Name, value: number | undefined) =>
  (value === undefined ? {} : { [name]: value }) as { [Key in Name]?: number }
