/** A Worker that calls Tollgate through its service binding, as a test tells it. */
import { type ClientOptions, Tollgate, TollgateError } from '../../../packages/tollgate/src/index.ts'

interface Env {
  readonly TOLLGATE: Parameters<typeof Tollgate.fromBinding>[0]
}

type Method = (input: unknown) => Promise<unknown>

interface Told {
  /** For example `keys.verify`. */
  readonly method: string
  readonly input: unknown
  readonly options?: ClientOptions
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { method, input, options } = (await request.json()) as Told
    const [group = '', name = ''] = method.split('.')
    const tollgate = Tollgate.fromBinding(env.TOLLGATE, options)
    const groups = tollgate as unknown as Record<string, Record<string, Method>>
    try {
      return Response.json({ answer: await groups[group]?.[name]?.(input) })
    } catch (error) {
      if (!(error instanceof TollgateError)) throw error
      const { code, status, requestId, errors } = error
      return Response.json({ name: error.name, code, status, requestId, errors })
    }
  },
}
