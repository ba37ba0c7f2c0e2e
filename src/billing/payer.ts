import { actsAsOperator } from '../auth/organization-access.ts'
import type { Manager } from '../auth/principal.ts'
import type { Database } from '../db/orm.ts'
import { Problem } from '../problems.ts'
import { findContact, getPayer, type Payer } from './queries.ts'

/**
 * The person who gets the provider's email about a purchase: the member who buys. If the operator opens the checkout, it is the
 * organization's billing contact, else its first owner.
 *
 * @throws Problem `payer_unknown` for an organization with neither
 */
export async function readPayer(db: Database, manager: Manager, organizationId: string): Promise<Payer> {
  if (manager.kind === 'user' && !actsAsOperator(manager, 'billing:write', organizationId))
    return getPayer(db, manager.userId)
  const contact = await findContact(db, organizationId)
  if (!contact) throw new Problem('payer_unknown')
  return contact
}
