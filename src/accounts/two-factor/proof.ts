import type { Statement } from '../../db/batch.ts'

/**
 * A second factor that is correct and unused. Its `statements` use it up in the batch that it authorizes, so it is used
 * if and only if the batch succeeds. Of concurrent uses, one batch succeeds; the others fail with `invalid_code` or
 * `invalid_passkey`.
 */
export interface Proof {
  readonly by: 'code' | 'passkey'
  readonly statements: readonly Statement[]
  /** Called after the batch: notifies the owner if a backup code was used. */
  notify(): void
}
