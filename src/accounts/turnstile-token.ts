import * as z from 'zod'

/** In its own file, because several schemas use it. */
export const turnstileToken = z
  .string()
  .regex(/^[!-~]{1,2048}$/, 'must be what the widget gave')
  .optional()
  .meta({
    description: 'What the widget of Cloudflare Turnstile gave, where `GET auth/sign-in/methods` has `turnstile`.',
  })
