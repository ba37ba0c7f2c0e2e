/** How a call ended: `hung_up` by the caller, `failed` by a knob. */
export type Ending = 'complete' | 'hung_up' | 'failed' | 'refused'

/** A call of the model, as listed by `GET /model/calls`. */
export interface ModelCall {
  readonly path: string
  /** The credential of the call; null if there was none. */
  readonly key: string | null
  readonly model: string | null
  readonly is_stream: boolean
  readonly status: number
  readonly input_tokens: number
  /** Tokens of the answer that were sent so far. */
  output_tokens: number
  /** Null while it runs. */
  ended: Ending | null
  readonly received_at: string
}

/** The oldest call is dropped when this many are stored. */
const MAX_CALLS = 1_000

/** The calls of the model, newest first, and how much of each answer was sent. */
export function createCalls() {
  let calls: ModelCall[] = []
  return {
    add(call: Omit<ModelCall, 'received_at' | 'output_tokens' | 'ended'>): ModelCall {
      const added = { ...call, output_tokens: 0, ended: null, received_at: new Date().toISOString() }
      calls = [added, ...calls].slice(0, MAX_CALLS)
      return added
    },
    list: (key: string | null, path: string | null) =>
      calls.filter((call) => (key === null || call.key === key) && (path === null || call.path === path)),
    clear: () => void (calls = []),
  }
}

export type Calls = ReturnType<typeof createCalls>
