import * as z from 'zod'
import { type Call, json, parseJson, type Reply } from '../http.ts'

const MAX_DELAY_MS = 60_000

const Knobs = z.object({
  /** before each token */
  delay_ms: z.coerce.number().int().min(0).max(MAX_DELAY_MS).optional(),
  /** drops the connection after this many tokens */
  fail_after: z.coerce.number().int().min(0).optional(),
  /** refuses with this status, in the provider's own form */
  status: z.coerce.number().int().min(400).max(599).optional(),
})

/** For calls whose body contains `match`, and at most `count` of them. */
const Rule = z.strictObject({ ...Knobs.shape, match: z.string().min(1), count: z.int().min(1).optional() })

export type Knobs = z.infer<typeof Knobs>
type Rule = z.infer<typeof Rule>

/** Makes calls slow or fail: by rules of the control API, and by headers of a call, which take precedence. */
export function createKnobs() {
  let rules: (Rule & { hits: number })[] = []

  function add({ body }: Call): Reply {
    const { data, error } = Rule.safeParse(parseJson(body))
    if (error) return json(400, { error: 'invalid_rule', message: z.prettifyError(error) })
    const rule = { ...data, hits: 0 }
    rules.push(rule)
    return json(201, rule)
  }

  /** @returns what is wrong with the headers, or the requested knobs */
  function read({ headers, body }: Call): Knobs | { wrong: string } {
    const { data, error } = Knobs.safeParse({
      delay_ms: headers['x-model-delay-ms'],
      fail_after: headers['x-model-fail-after'],
      status: headers['x-model-status'],
    })
    if (error) return { wrong: z.prettifyError(error) }
    if (Object.values(data).some((value) => value !== undefined)) return data
    const rule = rules.find(({ match }) => body.includes(match))
    if (!rule) return {}
    rule.hits += 1
    rules = rules.filter(({ hits, count = Number.POSITIVE_INFINITY }) => hits < count)
    return rule
  }

  return { add, read, list: () => json(200, rules), clear: () => void (rules = []) }
}
