import { brokenConstraint } from '../../db/client.ts'
import { Problem } from '../../problems.ts'

/** @throws Problem `external_id_taken` if the batch violated the unique external id */
export async function orExternalIdTaken<T>(batch: Promise<T>): Promise<T> {
  try {
    return await batch
  } catch (error) {
    if (brokenConstraint(error) !== 'organizations_external_id_unique') throw error
    throw externalIdTaken()
  }
}

export const externalIdTaken = () =>
  new Problem('external_id_taken', { errors: [{ path: 'body.external_id', message: 'is taken' }] })
