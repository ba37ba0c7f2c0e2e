/** The status that nginx logs for a caller that disconnected. */
export const CALLER_GONE = 499

/** The caller disconnected before an answer began: nobody reads what is thrown. */
export class CallerGone extends Error {
  override name = 'CallerGone'
}
