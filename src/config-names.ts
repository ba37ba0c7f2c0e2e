/** Names of settings that nothing reads. No message quotes a value. */
import type { ConfigNotice } from './config-checks.ts'
import { findNearestName } from './lib/nearest-name.ts'

/** The maximum difference in length between a misspelled name and the intended one. */
const MAX_LENGTH_DIFFERENCE = 3
/** Shorter names are near to too many others: `HOST` and `PORT`, which every machine has variables like. */
const MIN_NAME_LENGTH = 6
/** What only a setting of Tollgate begins with, so that it was meant for it however it goes on. */
const OWN =
  /^(?:MAIL|POLAR|STRIPE|GATEWAY|TURNSTILE|BREACHED_PASSWORDS|DISPOSABLE_DOMAINS|TRUSTED_ISSUERS?|TRUSTED_PROX|SIGN_IN|OAUTH_SCOPE|PASSKEY|BRAND|REGISTRATION|EMAIL_(?:SIGN|VERIF)|REDIS_SHARD|UPSTASH_REDIS|JWT_(?:KEY|SECRET)|SECRET_KEY|KEY_PREFIX|USAGE_(?:RETENTION|PERIOD)|AUDIT_RETENTION|BILLING_GRACE|CORS_ORIGIN)/i
/** What an orchestrator adds for each service that it knows, such as MAIL_SERVICE_HOST and MAIL_PORT=tcp://… */
const OF_ORCHESTRATOR = /_SERVICE_(?:HOST|PORT)|_PORT_\d+_/

/** @param known the names that something reads */
export function findMisspelled(env: object, known: readonly string[]): ConfigNotice[] {
  const names = known.filter((name) => name.length >= MIN_NAME_LENGTH)
  return Object.entries(env).flatMap(([variable, value]) => {
    if (known.includes(variable) || typeof value !== 'string' || isOfOrchestrator(variable, value)) return []
    const nearest = findNearestName(variable, names)
    const isNear = nearest !== undefined && Math.abs(nearest.length - variable.length) <= MAX_LENGTH_DIFFERENCE
    if (isNear) return [{ variable, reason: `is not known; did you mean ${nearest}?` }]
    if (!OWN.test(variable)) return []
    const closest = nearest ?? names.toSorted((a, b) => countCommon(b, variable) - countCommon(a, variable))[0]
    return [{ variable, reason: `is not known, and nothing reads it; the nearest setting is ${closest}` }]
  })
}

const isOfOrchestrator = (variable: string, value: string) =>
  OF_ORCHESTRATOR.test(variable) || /^(?:tcp|udp):\/\//.test(value)

/** How many letters two names begin with alike. */
function countCommon(one: string, other: string): number {
  const letters = [...other.toUpperCase()]
  const end = letters.findIndex((letter, at) => letter !== one[at])
  return end === -1 ? letters.length : end
}
