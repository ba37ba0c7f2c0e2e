/** What nginx logs of a caller who went away. */
export const CALLER_GONE = 499

/** The caller went away before an answer began: nobody reads what is thrown. */
export class CallerGone extends Error {
  override name = 'CallerGone'
}
