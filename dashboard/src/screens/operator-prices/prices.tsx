import { Plus } from 'lucide-react'
import { useState } from 'react'
import { useChange, useRead } from '../../api/hooks.ts'
import type { OwnModelPrice } from '../../api/types.ts'
import { formatDate, formatTime, formatUnitPrice, formatUtc } from '../../lib/format.ts'
import { useSearchState } from '../../lib/use-search-state.ts'
import { Status } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { Confirm } from '../../ui/dialog.tsx'
import { Filters, FilterText } from '../../ui/filters.tsx'
import { Page } from '../../ui/layout.tsx'
import { Link, textLink } from '../../ui/link.tsx'
import { RowMenu } from '../../ui/menu.tsx'
import { Empty } from '../../ui/states.tsx'
import { type Column, Table } from '../../ui/table.tsx'
import { toast } from '../../ui/toast.tsx'
import { AddPrice } from './add-price.tsx'
import { isToken, KINDS } from './kinds.ts'

type State = 'now' | 'later' | 'replaced'
type PriceRow = OwnModelPrice & { readonly state: State }

export function Prices() {
  const { data, error, refetch } = useRead('GET /admin/prices')
  const [{ search }, change] = useSearchState({ search: '' })
  const [isAdding, setAdding] = useState(false)
  const [deleting, setDeleting] = useState<OwnModelPrice>()
  const words = search.toLowerCase().split(/\s+/)
  const all = data && withStates(data.data)
  const rows = all?.filter(({ provider, model }) => words.every((word) => `${provider} ${model}`.includes(word)))
  return (
    <Page
      title="Prices"
      intro="What providers charge you. Your own prices override the built-in list."
      actions={<AddButton onAdd={() => setAdding(true)} />}
    >
      {all && all.length > 0 && (
        <Filters>
          <FilterText
            label="Search"
            value={search}
            placeholder="Provider or model"
            onChange={(text) => change({ search: text })}
          />
        </Filters>
      )}
      <Table
        label="Your prices"
        rows={rows}
        error={error}
        onRetry={() => void refetch()}
        columns={COLUMNS}
        rowId={({ id }) => id}
        rowMenu={(price) => <PriceMenu price={price} onDelete={() => setDeleting(price)} />}
        onClearFilters={search && all?.length !== 0 ? () => change({ search: '' }) : undefined}
        empty={<NoPrices onAdd={() => setAdding(true)} />}
      />
      {isAdding && <AddPrice onClose={() => setAdding(false)} />}
      {deleting && <DeletePrice price={deleting} onClose={() => setDeleting(undefined)} />}
    </Page>
  )
}

const AddButton = ({ onAdd }: { readonly onAdd: () => void }) => (
  <Button look="primary" onClick={onAdd}>
    <Plus aria-hidden className="size-4" />
    Add price
  </Button>
)

const NoPrices = ({ onAdd }: { readonly onAdd: () => void }) => (
  <Empty title="No prices of your own" action={<AddButton onAdd={onAdd} />}>
    The{' '}
    <Link to="/models" search={{ tab: 'prices' }} className={textLink}>
      built-in list
    </Link>{' '}
    applies to all models. Add a price if you get a discount, or for a model that is not in the list.
  </Empty>
)

interface MenuProps {
  readonly price: OwnModelPrice
  readonly onDelete: () => void
}

const PriceMenu = ({ price, onDelete }: MenuProps) => (
  <RowMenu
    name={`${KINDS[price.kind]} of ${price.model}`}
    id={price.id}
    items={[{ label: 'Delete price', onSelect: onDelete, destructive: true }]}
  />
)

/** Of the same provider, model and kind the newest that has begun is in force. They come the newest first. */
function withStates(prices: readonly OwnModelPrice[], now = Date.now()): PriceRow[] {
  const inForce = new Set<string>()
  return prices.map((price) => {
    if (Date.parse(price.valid_from) > now) return { ...price, state: 'later' }
    const name = `${price.provider} ${price.model} ${price.kind}`
    if (inForce.has(name)) return { ...price, state: 'replaced' }
    inForce.add(name)
    return { ...price, state: 'now' }
  })
}

const STATES: Readonly<Record<State, React.ReactNode>> = {
  now: <Status kind="good">In effect</Status>,
  later: <Status kind="waiting">Starts later</Status>,
  replaced: <Status kind="ended">Replaced</Status>,
}

function formatOwnPrice({ usd_per_million, usd_per_unit, kind }: OwnModelPrice): string {
  if (usd_per_million !== null) return `${formatUnitPrice(usd_per_million)} per million`
  return `${formatUnitPrice(usd_per_unit ?? '0')} ${isToken(kind) ? 'per token' : 'each'}`
}

const COLUMNS: readonly Column<PriceRow>[] = [
  {
    name: 'Model',
    cell: ({ model }) => (
      <code title={model} className="font-mono text-small max-sm:break-all">
        {model}
      </code>
    ),
  },
  {
    name: 'Provider',
    cell: ({ provider }) => (provider === '*' ? 'Any' : provider),
    width: '8rem',
  },
  { name: 'Kind', cell: ({ kind }) => KINDS[kind], width: '8rem' },
  { name: 'Price', cell: formatOwnPrice, width: '11rem' },
  {
    name: 'Valid from',
    width: '8rem',
    cell: ({ valid_from: at }) => (
      <time dateTime={at} title={`${formatTime(at)} · ${formatUtc(at)}`}>
        {formatDate(at)}
      </time>
    ),
  },
  { name: 'State', cell: ({ state }) => STATES[state], width: '8rem' },
]

function DeletePrice({ price, onClose }: { readonly price: OwnModelPrice; readonly onClose: () => void }) {
  const { mutate, error, isPending } = useChange('DELETE /admin/prices/{id}')
  const remove = () =>
    mutate(
      { params: { id: price.id } },
      {
        onSuccess() {
          onClose()
          toast('Price deleted')
        },
      },
    )
  return (
    <Confirm
      open
      onClose={onClose}
      title={`Delete the price of ${price.model}`}
      action="Delete price"
      busy={isPending}
      error={error}
      onConfirm={remove}
    >
      <p>{`${KINDS[price.kind]}: ${formatOwnPrice(price)}, from ${formatDate(price.valid_from)}.`}</p>
      <p>
        Within six seconds, new events use another matching price of yours, or else the built-in list. Recorded events
        keep their cost.
      </p>
    </Confirm>
  )
}
