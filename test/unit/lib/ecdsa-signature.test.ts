import { expect, test } from 'vitest'
import { rawSignature } from '../../../src/lib/ecdsa-signature.ts'

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
const hex = (raw: Uint8Array | undefined) =>
  raw && Array.from(raw, (byte) => byte.toString(16).padStart(2, '0')).join('')
const integer = (value: string) => `02${(value.length / 2).toString(16).padStart(2, '0')}${value}`
const sequence = (body: string) => `30${(body.length / 2).toString(16).padStart(2, '0')}${body}`
const der = (r: string, s: string) => bytes(sequence(integer(r) + integer(s)))

const HIGH = 'f'.repeat(64)
const LOW = `7${'f'.repeat(63)}`

test.each([
  ['two of 32 bytes', LOW, LOW, LOW + LOW],
  ['a high first bit, behind a zero byte', `00${HIGH}`, LOW, HIGH + LOW],
  ['both high', `00${HIGH}`, `00${HIGH}`, HIGH + HIGH],
  ['31 bytes, filled up', LOW, '5e'.repeat(31), `${LOW}00${'5e'.repeat(31)}`],
  ['a single byte', '01', '7f', `${'01'.padStart(64, '0')}${'7f'.padStart(64, '0')}`],
])('numbers of %s', (_, r, s, raw) => {
  expect(hex(rawSignature(der(r, s)))).toBe(raw)
})

test.each<[string, string]>([
  ['nothing', ''],
  ['no sequence', `31${sequence(integer('01') + integer('01')).slice(2)}`],
  ['a length that is too short', sequence(integer('01') + integer('01')).replace('3006', '3005')],
  ['a length that is too long', sequence(integer('01') + integer('01')).replace('3006', '3007')],
  ['a long form of the length', `3081${sequence(integer('01') + integer('01')).slice(2)}`],
  ['one number', sequence(integer('01'))],
  ['three numbers', sequence(integer('01') + integer('01') + integer('01'))],
  ['a number that is no integer', sequence(`030101${integer('01')}`)],
  ['an empty number', sequence(`0200${integer('01')}`)],
  ['zero', sequence(integer('00') + integer('01'))],
  ['a negative number', sequence(integer('80') + integer('01'))],
  ['a zero byte too many', sequence(integer('0001') + integer('01'))],
  ['33 bytes', sequence(integer(`01${HIGH}`) + integer('01'))],
  ['a number that ends behind the end', '30060201010220ff'],
  ['something behind the end', `${sequence(integer('01') + integer('01'))}00`],
])('%s is not a signature', (_, text) => {
  expect(rawSignature(bytes(text))).toBeUndefined()
})
