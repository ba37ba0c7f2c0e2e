/** The detail error keywords of RFC 7644 §3.12 that are used here. */
type ScimType =
  | 'invalidFilter'
  | 'invalidPath'
  | 'invalidSyntax'
  | 'invalidValue'
  | 'mutability'
  | 'noTarget'
  | 'tooMany'
  | 'uniqueness'

/** A refused request, with an error response as in RFC 7644 §3.12. */
export class ScimError extends Error {
  readonly status: 400 | 403 | 404 | 409 | 501
  readonly scimType: ScimType | undefined

  constructor(status: ScimError['status'], scimType: ScimType | undefined, detail: string) {
    super(detail)
    this.status = status
    this.scimType = scimType
  }
}

/** An error that the client has to fix. */
export const badRequest = (scimType: ScimType, detail: string) => new ScimError(400, scimType, detail)
