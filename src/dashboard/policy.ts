interface Settings {
  readonly TURNSTILE_SITE_KEY?: string | undefined
  readonly TURNSTILE_URL: string
}

/** Where the script and the frame of the check at registration come from; nowhere without one. */
const checkOrigin = ({ TURNSTILE_SITE_KEY, TURNSTILE_URL }: Settings) =>
  TURNSTILE_SITE_KEY === undefined ? undefined : new URL(TURNSTILE_URL).origin

/**
 * The page runs its own scripts and styles only, calls only this origin, and cannot be framed. Images may come from
 * elsewhere, for an operator's logo; `data:` is for QR codes. Cloudflare Turnstile, where it is used, has a script and a frame.
 */
export function dashboardPolicy(settings: Settings): string {
  const check = checkOrigin(settings)
  return [
    "default-src 'none'",
    ["script-src 'self'", check].filter(Boolean).join(' '),
    ...(check ? [`frame-src ${check}`] : []),
    "style-src 'self'",
    "img-src 'self' data: https:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ')
}
