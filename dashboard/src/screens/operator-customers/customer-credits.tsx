import { useState } from 'react'
import { useList, useRead } from '../../api/hooks.ts'
import type { AdminOrganization } from '../../api/types.ts'
import { Button } from '../../ui/button.tsx'
import { Section } from '../../ui/layout.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Empty, Skeleton } from '../../ui/states.tsx'
import { CreditFigures } from '../shared/credits/figures.tsx'
import { GrantsTable } from '../shared/credits/grants-table.tsx'
import { CreditLedger } from '../shared/credits/ledger-table.tsx'
import { CreditAction, type CreditActionProps } from './credit-actions.tsx'

/** The prepaid credits of a customer, with what the operator may do about them. */
export function CustomerCredits({ customer }: { readonly customer: AdminOrganization }) {
  const { id } = customer
  const credits = useRead('GET /credits', { query: { organization_id: id } })
  const ledger = useList('GET /credits/ledger', { query: { organization_id: id, limit: 20 } })
  const [act, setAct] = useState<CreditActionProps['act']>()
  const error = credits.error ?? ledger.error
  if (error && !(credits.data && ledger.rows))
    return <ErrorNotice error={error} onRetry={() => void Promise.all([credits.refetch(), ledger.refetch()])} />
  if (!credits.data || !ledger.rows) return <Skeleton lines={4} />
  const grant = <Button onClick={() => setAct({ name: 'grant' })}>Grant credits</Button>
  return (
    <>
      {credits.data.uses_credits ? (
        <>
          <CreditFigures credits={credits.data} />
          <Section title="Grants" intro="Grants with credits left, in the order they are used." actions={grant}>
            <GrantsTable
              grants={credits.data.grants}
              rowMenu={(one) => (
                <RowMenu
                  name={one.reason ?? 'the grant'}
                  id={one.id}
                  items={[
                    { label: 'Correct', onSelect: () => setAct({ name: 'correct', grant: one }) },
                    { label: 'Revoke', onSelect: () => setAct({ name: 'revoke', grant: one }), destructive: true },
                  ]}
                />
              )}
            />
          </Section>
          <Section title="Ledger" intro="Every change to the balance.">
            <CreditLedger list={ledger} />
          </Section>
        </>
      ) : (
        <Empty title="No credits" action={grant}>
          {`${customer.name} uses no credits. Once credits are granted, its charges are deducted from them, and ${credits.data.at_no_credits === 'allow' ? 'its plan continues' : 'its calls are refused'} when none are left.`}
        </Empty>
      )}
      {act && <CreditAction customer={customer} act={act} onClose={() => setAct(undefined)} />}
    </>
  )
}
