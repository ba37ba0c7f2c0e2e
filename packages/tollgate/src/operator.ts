import type { Tollgate } from './client.ts'
import { buildMethods } from './operator-methods.ts'

/** What an operator's back office does: all customers, people, purchases and the deployment at once. */
export type Operator = ReturnType<typeof buildMethods>

/** Gives a client the methods of an operator. They go over HTTP only. */
export const operate = (client: Pick<Tollgate, 'call'>): Operator =>
  buildMethods((name, input, options) => client.call(name, { ...input, ...options } as never))
