/** One wrong field of a request. Its path begins with the part of the request: `body.name`. */
export interface FieldError {
  readonly path: string
  readonly message: string
}

/** What the API says when it refuses a request (RFC 9457), or what the browser says when no answer came. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** 0 if there was no answer. */
  readonly status: number
  readonly code: string
  readonly requestId: string | undefined
  readonly errors: readonly FieldError[]
  /** How long to wait before another try, in seconds. */
  readonly retryAfter: number | undefined

  constructor(status: number, body: ProblemBody, retryAfter?: number) {
    super(body.detail || body.title || 'The request failed.')
    this.status = status
    this.code = body.code ?? 'unknown'
    this.requestId = body.request_id
    this.errors = body.errors ?? []
    this.retryAfter = retryAfter
  }

  /** The message for a field of the body, as a sentence; undefined if there is none. */
  fieldError(name: string): string | undefined {
    const found = this.errors.find(({ path }) => path === `body.${name}` || path.startsWith(`body.${name}.`))
    return found && sentence(found.message)
  }
}

interface ProblemBody {
  readonly title?: string
  readonly detail?: string
  readonly code?: string
  readonly request_id?: string
  readonly errors?: readonly FieldError[]
}

/** @returns the error of an answer that is not successful */
export async function readProblem(answer: Response): Promise<ApiError> {
  const body: unknown = await answer.json().catch(() => ({}))
  const retryAfter = Number(answer.headers.get('Retry-After')) || undefined
  const problem = typeof body === 'object' && body !== null ? (body as ProblemBody) : {}
  return new ApiError(answer.status, { request_id: answer.headers.get('X-Request-Id') ?? '', ...problem }, retryAfter)
}

export const unreachable = () =>
  new ApiError(0, {
    code: 'unreachable',
    title: 'The server cannot be reached. Check your connection and try again.',
  })

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? '' : '.'}`
