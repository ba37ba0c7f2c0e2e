/**
 * Checks of a configuration beyond the form of its variables: settings that cannot work, and settings that were probably
 * meant differently. No message quotes a value.
 */

import { findConflicts } from './config-conflicts.ts'
import type { ConfigFault } from './config-features.ts'
import { findMisspelled } from './config-names.ts'
import { parseEmailDomain } from './lib/email-address.ts'
import { isWithin } from './lib/is-within.ts'

/** A setting that works, but probably not as intended. */
export interface ConfigNotice {
  readonly variable: string
  readonly reason: string
}

/** Domains that RFC 2606 §3 reserves for examples: nobody can be reached there. */
const EXAMPLE_HOST = /(^|\.)example(\.(com|net|org))?$/

const isExample = (host: string) => EXAMPLE_HOST.test(host.toLowerCase())

/** The domain of a sender, as `Name <address>` or as the address alone. */
const domainIn = (sender: string) => /@([^@>\s]+)>?\s*$/.exec(sender)?.[1] ?? ''

type Settings = Parameters<typeof findConflicts>[0] & Own

interface Own {
  readonly MAIL_PROVIDER: 'none' | 'resend' | 'http'
  readonly MAIL_FROM: string
  readonly EMAIL_VERIFICATION: 'optional' | 'keys' | 'required'
  readonly TURNSTILE_SITE_KEY?: string | undefined
  readonly EMAIL_SIGN_IN: 'off' | 'code' | 'link'
  readonly PASSKEY_RP_ID?: string | undefined
  readonly REGISTRATION: 'open' | 'invitation' | 'domains'
  readonly REGISTRATION_DOMAINS: readonly string[]
  readonly UPSTASH_REDIS_REST_URL: string
  readonly REDIS_SHARDS: readonly { readonly url: string }[]
  readonly TRUSTED_ISSUERS: readonly { readonly issuer: string }[]
}

/** Stands for a PUBLIC_URL that is missing or malformed (RFC 2606 §2). Nothing is signed or linked to with it. */
export const UNKNOWN_URL = 'https://public-url.invalid'

/** Settings that are well-formed but cannot work. @param env what was given of them */
export function findFaults(settings: Settings, env: object): ConfigFault[] {
  const faults: ConfigFault[] = []
  if (new URL(settings.PUBLIC_URL).hostname === 'tollgate.example.com')
    faults.push({ feature: 'management', variable: 'PUBLIC_URL', reason: "is still the example's" })
  const domains = findDomainFault(settings)
  if (domains) faults.push({ feature: 'management', variable: 'REGISTRATION_DOMAINS', reason: domains })
  if (settings.TRUSTED_ISSUERS.some(({ issuer }) => issuer === settings.PUBLIC_URL))
    faults.push({ feature: 'trusted_issuers', variable: 'TRUSTED_ISSUERS', reason: 'names this deployment itself' })
  if (settings.PUBLIC_URL !== UNKNOWN_URL && !isWithin(new URL(settings.PUBLIC_URL).hostname, settings.PASSKEY_RP_ID))
    faults.push({
      feature: 'passkeys',
      variable: 'PASSKEY_RP_ID',
      reason: 'is neither the host of PUBLIC_URL nor above it',
    })
  return [...faults, ...findTurnstileFaults(settings), ...findMailFaults(settings, env), ...findConflicts(settings)]
}

/** One of the two keys alone checks nobody, or lets nobody in. */
function findTurnstileFaults({ TURNSTILE_SITE_KEY, TURNSTILE_SECRET_KEY }: Settings): ConfigFault[] {
  if ((TURNSTILE_SITE_KEY === undefined) === (TURNSTILE_SECRET_KEY === undefined)) return []
  const missing = TURNSTILE_SITE_KEY === undefined ? 'TURNSTILE_SITE_KEY' : 'TURNSTILE_SECRET_KEY'
  return [{ feature: 'turnstile', variable: missing, reason: 'is missing, but the other of the two keys is set' }]
}

function findMailFaults(settings: Settings, env: object): ConfigFault[] {
  const faults: ConfigFault[] = []
  if (settings.MAIL_PROVIDER === 'none') return faults
  const mail = { feature: 'mail' } as const
  if (settings.MAIL_PROVIDER === 'resend' && settings.MAIL_API_KEY === '')
    faults.push({ ...mail, variable: 'MAIL_API_KEY', reason: 'is missing, but MAIL_PROVIDER=resend requires it' })
  if (settings.MAIL_PROVIDER === 'http' && Reflect.get(env, 'MAIL_API_URL') === undefined)
    faults.push({ ...mail, variable: 'MAIL_API_URL', reason: 'is missing, but MAIL_PROVIDER=http requires it' })
  const domain = domainIn(settings.MAIL_FROM)
  if (!domain.includes('.') || isExample(domain))
    faults.push({ ...mail, variable: 'MAIL_FROM', reason: 'is no address that a provider sends from' })
  return faults
}

/** Without domains, the rule is incomplete. Letting everybody register, or nobody, would be a guess. */
function findDomainFault({ REGISTRATION, REGISTRATION_DOMAINS }: Settings): string | undefined {
  if (!REGISTRATION_DOMAINS.every((domain) => parseEmailDomain(domain) !== undefined))
    return 'holds what is no domain; each is one such as acme.com, separated by commas'
  if (REGISTRATION === 'domains' && REGISTRATION_DOMAINS.length === 0)
    return 'is missing, but REGISTRATION=domains requires it'
  return undefined
}

const WITHOUT_MAIL = {
  keys: 'is keys although MAIL_PROVIDER is none: nobody new gets a key',
  required: 'is required although MAIL_PROVIDER is none: nobody new can sign in',
}

/** @param env from the platform, possibly with other variables */
export function findNotices(settings: Settings, env: object, known: readonly string[]): ConfigNotice[] {
  const notices = findMisspelled(env, known)
  if (settings.MAIL_PROVIDER === 'none' && settings.MAIL_API_KEY !== '')
    notices.push({ variable: 'MAIL_PROVIDER', reason: 'is none although MAIL_API_KEY is set: emails wait and expire' })
  if (settings.MAIL_PROVIDER === 'none' && settings.EMAIL_SIGN_IN !== 'off')
    notices.push({
      variable: 'EMAIL_SIGN_IN',
      reason: `is ${settings.EMAIL_SIGN_IN}, but no email is sent: nobody can sign in by it`,
    })
  if (settings.MAIL_PROVIDER === 'none' && settings.EMAIL_VERIFICATION !== 'optional')
    notices.push({ variable: 'EMAIL_VERIFICATION', reason: WITHOUT_MAIL[settings.EMAIL_VERIFICATION] })
  return [...notices, ...findRegistrationNotices(settings), ...findShardNotices(settings)]
}

function findRegistrationNotices(settings: Settings): ConfigNotice[] {
  const { REGISTRATION, REGISTRATION_DOMAINS, EMAIL_VERIFICATION } = settings
  if (REGISTRATION !== 'domains' && REGISTRATION_DOMAINS.length > 0)
    return [{ variable: 'REGISTRATION', reason: `is ${REGISTRATION}: REGISTRATION_DOMAINS has no effect` }]
  if (REGISTRATION === 'domains' && EMAIL_VERIFICATION !== 'required')
    return [
      {
        variable: 'EMAIL_VERIFICATION',
        reason: 'is not required although REGISTRATION is domains: whoever names an address of the domain gets in',
      },
    ]
  return []
}

function findShardNotices({ UPSTASH_REDIS_REST_URL, REDIS_SHARDS }: Settings): ConfigNotice[] {
  if (!REDIS_SHARDS.some(({ url }) => url === UPSTASH_REDIS_REST_URL)) return []
  return [{ variable: 'REDIS_SHARDS', reason: 'names the database of UPSTASH_REDIS_REST_URL again' }]
}
