/** Those of wrangler.toml's crons that are due every minute. wrangler's server fires none by itself. */
export const MINUTE_CRONS = ['* * * * *', '*/1 * * * *'] as const
