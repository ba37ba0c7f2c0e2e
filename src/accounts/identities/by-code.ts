import type { ManagementDeps } from '../../deps.ts'
import { completeByEmail } from '../email/sign-in.ts'
import { readEmailCode } from '../email/sign-in-code.ts'
import { type CodeProof, completeSignIn } from './complete.ts'

/** Signs in with the code of an email, or of an identity provider: their forms tell them apart. */
export function completeByCode(deps: ManagementDeps, proof: CodeProof) {
  const code = readEmailCode(proof.code)
  return code === undefined ? completeSignIn(deps, proof) : completeByEmail(deps, code, proof)
}
