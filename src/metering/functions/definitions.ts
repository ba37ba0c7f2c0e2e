/** SQL that creates the functions, for migrations: `npm run build:functions` prints it. The Worker knows only their names. */
import { complete, NAMED } from '../complete.ts'
import { FUNCTIONS } from './names.ts'
import { RECORD_USAGE, RECORD_VERIFICATIONS } from './statements.ts'

const WRITTEN =
  'xid text, sent integer, accepted integer, others jsonb, periods jsonb, quantities jsonb, awaited boolean, charged boolean'

/** The body: plpgsql caches the plan; a function of one statement in plain SQL would not. */
const define = (statement: string) => `
#variable_conflict use_column
BEGIN RETURN QUERY ${statement};
END `

interface DatabaseFunction {
  readonly name: string
  readonly body: string
  readonly returns: string
}

export const DEFINITIONS: readonly DatabaseFunction[] = [
  { name: FUNCTIONS.recordVerifications, body: define(RECORD_VERIFICATIONS), returns: WRITTEN },
  { name: FUNCTIONS.recordUsage, body: define(RECORD_USAGE), returns: WRITTEN },
  {
    name: FUNCTIONS.completeRequests,
    body: define(complete(NAMED)),
    returns: 'completed integer, waiting integer',
  },
]

export const createFunctions = () =>
  DEFINITIONS.map(
    ({ name, body, returns }) =>
      `CREATE FUNCTION ${name}(jsonb) RETURNS TABLE (${returns}) LANGUAGE plpgsql AS $function$${body}$function$;`,
  ).join('--> statement-breakpoint\n')
