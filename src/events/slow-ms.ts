/** An endpoint that takes longer to answer, in milliseconds, has a lane of its own. Tests on a busy machine take more. */
export const SLOW_MS = 500
