import * as z from 'zod'

/** In a file of its own, since several schemas have it. */
export const turnstileToken = z
  .string()
  .regex(/^[!-~]{1,2048}$/, 'must be what the widget gave')
  .optional()
  .meta({
    description: 'What the widget of Cloudflare Turnstile gave, where `GET auth/sign-in/methods` has `turnstile`.',
  })
