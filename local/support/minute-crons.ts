/** The crons in wrangler.toml that are due every minute. wrangler's server runs none by itself. */
export const MINUTE_CRONS = ['* * * * *', '*/1 * * * *'] as const
