import { type Config, readConfig } from '../../src/config.ts'

/** A complete configuration except for the keys of tokens. */
export const REST = {
  DATABASE_URL: 'postgresql://ada:pass@db.example.com/tollgate',
  UPSTASH_REDIS_REST_URL: 'https://redis.example.com',
  UPSTASH_REDIS_REST_TOKEN: 'token',
  SECRET_KEY: 'another-secret-of-at-least-32-bytes',
  PUBLIC_URL: 'https://tollgate.example.com',
}

export type Jwk = Record<string, unknown>

/** The key of RFC 7517 Appendix A.2, and those of RFC 8037 Appendix A.1 and RFC 7515 Appendix A.1. */
export const ELLIPTIC = {
  kty: 'EC',
  crv: 'P-256',
  kid: 'elliptic',
  x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
  y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
  d: '870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE',
}
export const EDWARDS = {
  kty: 'OKP',
  crv: 'Ed25519',
  kid: 'edwards',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
}
export const SHARED = {
  kty: 'oct',
  kid: 'shared',
  k: 'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
}
export const configOf = (...keys: Jwk[]): Config => readConfig({ ...REST, JWT_KEYS: JSON.stringify({ keys }) })
