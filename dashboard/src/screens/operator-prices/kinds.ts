import type { OwnModelPrice } from '../../api/types.ts'

export type PriceKind = OwnModelPrice['kind']

/** What a price is for, as the operator reads it. */
export const KINDS: Readonly<Record<PriceKind, string>> = {
  input: 'Input tokens',
  output: 'Output tokens',
  cached: 'Cached input',
  cache_write: 'Cache writes',
  audio_input: 'Audio input',
  audio_output: 'Audio output',
  image: 'Images',
  request: 'Requests',
}

export const KIND_NAMES = Object.keys(KINDS) as readonly PriceKind[]

/** What is no token has a price for each. */
export const isToken = (kind: PriceKind) => kind !== 'image' && kind !== 'request'
