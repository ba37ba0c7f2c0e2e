/** An endpoint whose answers take longer, in milliseconds, gets a lane of its own. Tests on a busy machine take more. */
export const SLOW_MS = 500
