import { Problem } from '../problems.ts'

/** The address of the person on whose behalf a back end of the operator calls. */
export const CLIENT_IP = 'Tollgate-Client-IP'
/** The service key that permits it. In a header of its own: `Authorization` may hold the person's token. */
export const SERVICE_KEY = 'Tollgate-Service-Key'
/** On whose behalf a back end acts, in its own words: a user's id or address in its own system. */
export const ACTOR = 'Tollgate-Actor'

/** The problem of a header that is malformed or cannot take effect: none is ignored silently. */
export const wrongHeader = (header: string, message: string) =>
  new Problem('invalid_request', { errors: [{ path: `header.${header}`, message }] })
