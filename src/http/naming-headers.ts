import { Problem } from '../problems.ts'

/** The address of the person for whom a back end of the operator's calls. */
export const CLIENT_IP = 'Tollgate-Client-IP'
/** The service key that lets it say so. In a header of its own: `Authorization` may hold the person's token. */
export const SERVICE_KEY = 'Tollgate-Service-Key'
/** In whose name a back end acts, in its own words: a user's id or address in its own system. */
export const ACTOR = 'Tollgate-Actor'

/** The problem of a header that is malformed, or that cannot take effect: none is dropped in silence. */
export const wrongHeader = (header: string, message: string) =>
  new Problem('invalid_request', { errors: [{ path: `header.${header}`, message }] })
