import type { Measured, Start } from './bench-measure.ts'

/** The results of one run of the bench, written to `results/bench.json`. */
export interface Results {
  readonly date: string
  readonly machine: string
  /** Processes that wanted a core in the minute before: above about 0.5, other processes were running. */
  readonly loadBefore: number
  readonly stores: string
  readonly effort: { readonly seconds: number; readonly connections: number }
  readonly cases: readonly Measured[]
  /** At a fixed rate. */
  readonly steady: readonly Measured[]
  /** With this many milliseconds before each answer of the stores. */
  readonly delayed: readonly { readonly ms: number; readonly cases: readonly Measured[] }[]
  readonly bundle: { readonly bytes: number; readonly gzipBytes: number }
  /** An empty Worker, one that contains Tollgate's modules but imports none of them, and Tollgate. */
  readonly start: Readonly<Record<'empty' | 'compiled' | 'tollgate', Start>>
}
