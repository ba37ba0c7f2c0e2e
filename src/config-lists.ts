/** Settings with a form of their own: lists, domains, and the address of the database. */
import * as z from 'zod'

/** Separated by commas. */
export const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean),
  )

/**
 * Origins as browsers send them: scheme and host, without a path. One trailing slash is accepted. A wildcard within a
 * host is refused, because it would never match.
 */
export const origins = list
  .transform((items) => items.map((item) => (/^[^/]+:\/\/[^/]+\/$/.test(item) ? item.slice(0, -1) : item)))
  .transform((items) => items.map((item) => (/^https?:\/\/[^/?#@*\s]+$/i.test(item) ? asSent(item) : item)))
  .refine(
    (items) => items.every((item) => item === '*' || /^[a-z][a-z0-9+.-]*:\/\/[^/?#@*\s]+$/.test(item)),
    'each is a scheme and a host, such as https://app.example.com, without a path',
  )

/** Browsers write hosts in small letters, and leave the usual port out. */
const asSent = (item: string) => URL.parse(item)?.origin ?? item

/** Host names, with a port where it is not the usual one. */
export const hosts = list
  .transform((items) => items.map((item) => item.toLowerCase()))
  .refine(
    (items) =>
      items.every((item) => /^[a-z0-9.-]+(:\d{1,5})?$/.test(item) && URL.parse(`https://${item}`)?.host === item),
    'each is a host name, such as api.example.com, as requests have it: without the usual port',
  )

export const domain = z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, 'must be a domain such as example.com')

/** Webhook secrets, separated by commas. During a rotation, both the old and the new one are valid. */
export const webhookSecrets = list.refine(
  (secrets) => secrets.every((text) => text.length >= 16 && !text.startsWith('replace-')),
  'each has at least 16 characters',
)

/** The driver wants all three parts, and would print the whole address, with its password, where one is missing. */
export const databaseUrl = z
  .url({ protocol: /^postgres(ql)?$/ })
  .refine((text) => {
    const url = URL.parse(text)
    return url !== null && url.username !== '' && url.hostname !== '' && url.pathname.length > 1
  }, 'must name a user, a host and a database')
  .refine((text) => !text.includes('user:password@host.neon.tech'), 'is still the placeholder')

/** What issued keys begin with. */
export const keyPrefix = z
  .string()
  .regex(/^[a-z][a-z0-9]{1,7}$/, 'must be 2 to 8 lower-case letters and digits, and begin with a letter')
