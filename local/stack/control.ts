import * as z from 'zod'
import { FaultBody, type Faults } from './faults.ts'
import { type Call, json, parseJson, type Reply } from './http.ts'

/** `requests` arrived at a service, whatever happened to them; `statements` and `commands` were passed on and run. */
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

/** All zero. */
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

/** Resets all to zero, in place. */
export function resetCounters(counters: Counters): void {
  Object.assign(counters, createCounters())
}

/** Activates a fault: 201 with the fault, 400 with all reasons for a refusal. */
export function addFault(faults: Faults, call: Call): Reply {
  const body = FaultBody.safeParse(parseJson(call.body))
  if (!body.success) return json(400, { error: 'invalid_fault', message: z.prettifyError(body.error) })
  return json(201, faults.add(body.data))
}
