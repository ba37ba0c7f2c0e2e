import { formatDecimal, formatNanoUsd, NANO_DIGITS } from './decimal.ts'

const DECIMAL = /^(-?)(\d+)(?:\.(\d{0,9}))?$/

/** @param text US dollars as Postgres writes them, with at most nine decimals */
export function toNanoUsd(text: string): bigint {
  const [, sign, whole = '0', fraction = ''] = DECIMAL.exec(text) ?? []
  const nano = BigInt(whole + fraction.padEnd(NANO_DIGITS, '0'))
  return sign === '-' ? -nano : nano
}

/** Formats US dollars of Postgres for the wire: up to nine decimals, at least six. */
export function formatUsd(text: string): string {
  const nano = toNanoUsd(text)
  return nano < 0n ? `-${formatNanoUsd(-nano)}` : formatNanoUsd(nano)
}

/** @returns US dollars with nine decimals, as Postgres reads them */
export function toUsd(nanoUsd: bigint): string {
  const text = formatDecimal(nanoUsd < 0n ? -nanoUsd : nanoUsd, NANO_DIGITS)
  return nanoUsd < 0n ? `-${text}` : text
}
