import type { Measured, Start } from './bench-measure.ts'

/** What one run of the bench found; written to `results/bench.json`. */
export interface Results {
  readonly date: string
  readonly machine: string
  /** Processes that wanted a core in the minute before: above 0.5 or so, others were at work. */
  readonly loadBefore: number
  readonly stores: string
  readonly effort: { readonly seconds: number; readonly connections: number }
  readonly cases: readonly Measured[]
  /** At a fixed rate. */
  readonly steady: readonly Measured[]
  /** With that many milliseconds before each answer of the stores. */
  readonly delayed: readonly { readonly ms: number; readonly cases: readonly Measured[] }[]
  readonly bundle: { readonly bytes: number; readonly gzipBytes: number }
  /** An empty Worker, one that has Tollgate's modules and imports none of them, and Tollgate. */
  readonly start: Readonly<Record<'empty' | 'compiled' | 'tollgate', Start>>
}
