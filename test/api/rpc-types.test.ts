import { exports } from 'cloudflare:workers'
import { describe, expect, expectTypeOf, test } from 'vitest'
import type * as z from 'zod'
import type { BuiltInRole, Permission as OurPermission } from '../../src/auth/roles.ts'
import type { TokenInput } from '../../src/auth/verify-token.ts'
import type { Meter as MeterName } from '../../src/db/schema/meters.ts'
import type { QuotasInput } from '../../src/limits/quotas.ts'
import type * as wire from '../../src/rpc-types.ts'
import type { Durability, Recorded, ReportedEvent, Spooled, UsageBatch } from '../../src/usage/reporting/schemas.ts'
import type { ReservationBody, ReserveBody, SettleBody, SettlementBody } from '../../src/usage/reservations/schemas.ts'
import type { Quotas } from '../../src/usage/schemas.ts'
import type { Refusal } from '../../src/verdict-codes.ts'
import type { VerifyInput } from '../../src/verification/input.ts'

/** Drops what does not show on the wire: whether members are readonly, and whether `undefined` may be written out. */
type Plain<T> = T extends object ? { -readonly [Name in keyof T]: Plain<Exclude<T[Name], undefined>> } : T
type Fits<One, Other> = [Plain<One>] extends [Plain<Other>]
  ? [Plain<Other>] extends [Plain<One>]
    ? true
    : false
  : false

/** Compiles where both are the same on the wire. */
const same = <One, Other>(isSame: Fits<One, Other>) => expect(isSame).toBe(true)

describe('the wire types match the schemas both ways', () => {
  test('inputs', () => {
    same<wire.VerifyKeyInput, z.input<typeof VerifyInput>>(true)
    same<wire.VerifyTokenInput, z.input<typeof TokenInput>>(true)
    same<wire.UsageEvent, z.input<typeof ReportedEvent>>(true)
    same<wire.RecordUsageInput['durability'], z.input<typeof Durability> | undefined>(true)
    same<keyof wire.RecordUsageInput, keyof z.input<typeof UsageBatch>>(true)
    same<wire.ReserveInput, z.input<typeof ReserveBody>>(true)
    same<wire.SettleInput, z.input<typeof SettleBody>>(true)
    same<wire.GetQuotasInput, z.input<typeof QuotasInput>>(true)
  })

  test('no name is missing on either side', () => {
    same<keyof wire.VerifyKeyInput, keyof z.input<typeof VerifyInput>>(true)
    same<keyof wire.VerifyTokenInput, keyof z.input<typeof TokenInput>>(true)
    same<keyof wire.UsageEvent, keyof z.input<typeof ReportedEvent>>(true)
    same<keyof wire.ReserveInput, keyof z.input<typeof ReserveBody>>(true)
    same<keyof wire.SettleInput, keyof z.input<typeof SettleBody>>(true)
  })

  test('outputs', () => {
    same<wire.Reservation, z.output<typeof ReservationBody>>(true)
    same<wire.Settlement, z.output<typeof SettlementBody>>(true)
    same<wire.RecordedUsage, z.output<typeof Recorded> & Partial<z.output<typeof Spooled>>>(true)
    same<wire.Quotas['meters'], z.output<typeof Quotas>['meters']>(true)
    same<keyof wire.Quotas, keyof z.output<typeof Quotas>>(true)
  })

  test('the known names', () => {
    same<wire.Permission, OurPermission>(true)
    expectTypeOf<BuiltInRole>().toExtend<wire.Role>()
    same<wire.Meter, MeterName>(true)
    same<wire.KeyRefusal, Refusal>(true)
  })
})

test('through a binding a result is distinguishable from a failure, and a verdict by its validity', () => {
  type Answer<Method extends keyof wire.TollgateBinding> = Awaited<ReturnType<(typeof exports.Tollgate)[Method]>>
  type Verdict = Answer<'verifyKey'>
  expectTypeOf<Extract<Verdict, { valid: true }>['key_id']>().toEqualTypeOf<string>()
  expectTypeOf<Extract<Verdict, { valid: true }>['code']>().toEqualTypeOf<'VALID'>()
  expectTypeOf<Extract<Answer<'verifyToken'>, { valid: true }>['user_id']>().toEqualTypeOf<string>()
  expectTypeOf<Extract<Answer<'reserve'>, { granted: true }>['reservation_id']>().toEqualTypeOf<string>()
  expectTypeOf<Exclude<Answer<'recordUsage'>, { problem: unknown }>['accepted']>().toEqualTypeOf<number>()
  expectTypeOf<Exclude<Answer<'settle'>, { problem: unknown }>['released']>().toEqualTypeOf<boolean>()
  expectTypeOf<Exclude<Answer<'getQuotas'>, { problem: unknown }>['plan']>().toEqualTypeOf<string>()
})
