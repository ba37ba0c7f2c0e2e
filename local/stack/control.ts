import * as z from 'zod'
import { FaultBody, type Faults } from './faults.ts'
import { type Call, json, parseJson, type Reply } from './http.ts'

/** `requests` came to a service, whatever became of them; `statements` and `commands` were handed on to be run. */
export interface Counters {
  sql: { requests: number; statements: number }
  redis: { requests: number; commands: number }
  redis_2: { requests: number; commands: number }
  mail: { requests: number }
  breached: { requests: number }
  disposable: { requests: number }
  turnstile: { requests: number }
  dns: { requests: number }
  webhooks: { requests: number }
  issuers: { requests: number }
  oidc: { requests: number }
  polar: { requests: number }
  stripe: { requests: number }
  model: { requests: number }
}

/** All at nought. */
export function createCounters(): Counters {
  const requests = 0
  return {
    sql: { requests, statements: 0 },
    redis: { requests, commands: 0 },
    redis_2: { requests, commands: 0 },
    mail: { requests },
    breached: { requests },
    disposable: { requests },
    turnstile: { requests },
    dns: { requests },
    webhooks: { requests },
    issuers: { requests },
    oidc: { requests },
    polar: { requests },
    stripe: { requests },
    model: { requests },
  }
}

/** Puts all back to nought, in place. */
export function resetCounters(counters: Counters): void {
  Object.assign(counters, createCounters())
}

/** Puts a fault in force: 201 with the fault, 400 with every reason why not. */
export function addFault(faults: Faults, call: Call): Reply {
  const body = FaultBody.safeParse(parseJson(call.body))
  if (!body.success) return json(400, { error: 'invalid_fault', message: z.prettifyError(body.error) })
  return json(201, faults.add(body.data))
}
