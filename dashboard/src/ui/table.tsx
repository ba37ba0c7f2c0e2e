import { ArrowDown, ArrowUp } from 'lucide-react'
import { type CSSProperties, lazy, type ReactNode, Suspense } from 'react'
import type { ApiError } from '../api/problem.ts'
import { Button } from './button.tsx'
import { classes } from './class.ts'
import { Link } from './link.tsx'
import { ErrorNotice } from './notice.tsx'
import { Empty } from './states.tsx'

export interface Column<Item> {
  readonly name: string
  readonly cell: (item: Item) => ReactNode
  /** Numbers stand on the right. */
  readonly numeric?: boolean
  /** The value of `sort` that orders by this column; `-` before it turns the order. */
  readonly sort?: string
  /** A width, such as `12rem`; columns without one share what is left. */
  readonly width?: string
  /** Left out on narrow screens. */
  readonly secondary?: boolean
}

interface TableProps<Item> {
  /** What the rows are, for screen readers. */
  readonly label: string
  readonly columns: readonly Column<Item>[]
  /** Undefined while the first page loads. The first column names the row. */
  readonly rows: readonly Item[] | undefined
  readonly rowId: (item: Item) => string
  /** Where a row leads. */
  readonly rowLink?: (item: Item) => string
  /** What a row opens instead. */
  readonly onOpen?: (item: Item) => void
  readonly rowMenu?: (item: Item) => ReactNode
  readonly sort?: string
  readonly onSort?: (sort: string) => void
  /** When there is nothing at all. */
  readonly empty: ReactNode
  /** Set while filters are on: nothing matches, and this clears them. */
  readonly onClearFilters?: (() => void) | undefined
  readonly error?: ApiError | null
  readonly onRetry?: () => void
  readonly hasMore?: boolean
  readonly onMore?: () => void
  readonly isLoadingMore?: boolean
  /** Whether the rows are those of the filters or order before, until others have loaded. */
  readonly isStale?: boolean
}

/** Up to this many are all rendered, so that the browser finds and prints them. */
const MANY = 200

/** No part of the first load. */
const VirtualRows = lazy(async () => ({ default: (await import('./virtual-rows.tsx')).VirtualRows }))

/**
 * A list of things. Each row is a link to its thing. On phones a row is a card. Of many rows only those in
 * view are rendered.
 */
export function Table<Item>(props: TableProps<Item>) {
  const { rows, error, onRetry, onClearFilters, empty } = props
  if (error && !rows) return <ErrorNotice error={error} {...(onRetry && { onRetry })} />
  if (rows?.length === 0) return onClearFilters ? <NoMatch onClear={onClearFilters} /> : empty
  return (
    <div className="flex flex-col gap-3">
      {error && <ErrorNotice error={error} {...(onRetry && { onRetry })} />}
      <Grid {...props} />
      {props.hasMore && (
        <div>
          <Button onClick={props.onMore} busy={props.isLoadingMore ?? false}>
            Load more
          </Button>
        </div>
      )}
    </div>
  )
}

/** What `Table` needs of a list that is read page by page. */
export function listProps<Item>(list: {
  rows: Item[] | undefined
  error: ApiError | null
  refetch: () => unknown
  hasNextPage: boolean
  fetchNextPage: () => unknown
  isFetchingNextPage: boolean
  isPlaceholderData: boolean
}) {
  return {
    rows: list.rows,
    error: list.error,
    onRetry: () => void list.refetch(),
    hasMore: list.hasNextPage,
    onMore: () => void list.fetchNextPage(),
    isLoadingMore: list.isFetchingNextPage,
    isStale: list.isPlaceholderData,
  }
}

function NoMatch({ onClear }: { readonly onClear: () => void }) {
  return (
    <Empty title="Nothing matches" action={<Button onClick={onClear}>Clear filters</Button>}>
      No row matches all your filters.
    </Empty>
  )
}

function Grid<Item>(props: TableProps<Item>) {
  const { label, columns, rows, rowMenu, isStale = false } = props
  const template = [...columns.map(({ width }) => width ?? 'minmax(0,1fr)'), ...(rowMenu ? ['2rem'] : [])].join(' ')
  return (
    <div
      role="table"
      aria-label={label}
      aria-rowcount={(rows?.length ?? 0) + 1}
      aria-busy={!rows || isStale || undefined}
      className={classes('rounded-lg border border-line bg-raised', isStale && 'opacity-50')}
      style={{ '--columns': template } as CSSProperties}
    >
      <div role="rowgroup" className="max-sm:sr-only">
        <Head {...props} />
      </div>
      {rows ? (
        <Body {...props} rows={rows} />
      ) : (
        <div role="rowgroup" aria-hidden>
          {Array.from({ length: 6 }, (_, at) => (
            <div key={at} role="presentation" className="border-t border-line px-3 py-2.5">
              <div className="skeleton h-5" />
            </div>
          ))}
        </div>
      )}
    </div>
  )
}

function Body<Item>({ rows, ...props }: TableProps<Item> & { readonly rows: readonly Item[] }) {
  const { rowId } = props
  const plain = (shown: readonly Item[]) => (
    <div role="rowgroup">
      {shown.map((item, index) => (
        <BodyRow key={rowId(item)} {...props} rows={rows} item={item} index={index} />
      ))}
    </div>
  )
  if (rows.length <= MANY) return plain(rows)
  return (
    <Suspense fallback={plain(rows.slice(0, MANY))}>
      <VirtualRows
        ids={rows.map(rowId)}
        render={(index) => <BodyRow {...props} rows={rows} item={rows[index] as Item} index={index} />}
      />
    </Suspense>
  )
}

const ROW = 'sm:grid sm:grid-cols-(--columns) sm:items-center sm:gap-3 px-3'
const cellClass = ({ numeric, secondary }: { numeric?: boolean; secondary?: boolean }) =>
  classes('min-w-0 max-sm:wrap-anywhere sm:truncate', numeric && 'sm:text-right', secondary && 'max-md:hidden')

function Head<Item>({ columns, rowMenu, sort, onSort }: TableProps<Item>) {
  return (
    <div role="row" aria-rowindex={1} className={classes(ROW, 'py-2 text-small text-muted')}>
      {columns.map((column) => (
        <div
          key={column.name}
          role="columnheader"
          aria-sort={ariaSort(sort, column.sort)}
          className={cellClass(column as { numeric?: boolean; secondary?: boolean })}
        >
          {column.sort && onSort ? (
            <SortButton name={column.name} by={column.sort} sort={sort} onSort={onSort} />
          ) : (
            column.name
          )}
        </div>
      ))}
      {rowMenu && (
        <div role="columnheader">
          <span className="sr-only">Actions</span>
        </div>
      )}
    </div>
  )
}

function ariaSort(sort: string | undefined, by: string | undefined) {
  if (!sort || !by || sort.replace('-', '') !== by) return undefined
  return sort.startsWith('-') ? 'descending' : 'ascending'
}

interface SortButtonProps {
  readonly name: string
  readonly by: string
  readonly sort: string | undefined
  readonly onSort: (sort: string) => void
}

function SortButton({ name, by, sort, onSort }: SortButtonProps) {
  const order = ariaSort(sort, by)
  const Icon = order === 'ascending' ? ArrowUp : ArrowDown
  return (
    <button
      type="button"
      className="inline-flex items-center gap-1 rounded hover:text-ink"
      onClick={() => onSort(sort === `-${by}` ? by : `-${by}`)}
    >
      {name}
      <Icon aria-hidden className={classes('size-3', !order && 'opacity-0')} />
    </button>
  )
}

interface BodyRowProps<Item> extends TableProps<Item> {
  readonly item: Item
  readonly index: number
}

function BodyRow<Item>({ columns, item, index, rowLink, onOpen, rowMenu }: BodyRowProps<Item>) {
  const opens = rowLink !== undefined || onOpen !== undefined
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      className={classes(
        ROW,
        'relative border-t border-line py-2 max-sm:flex max-sm:flex-col max-sm:gap-1 max-sm:py-3',
        rowMenu !== undefined && 'max-sm:pr-12',
        opens && 'hover:bg-hover',
      )}
    >
      {columns.map((column, at) => (
        <div
          key={column.name}
          role="cell"
          className={classes(
            cellClass(column as { numeric?: boolean; secondary?: boolean }),
            at > 0 && !column.secondary && 'max-sm:flex max-sm:gap-2',
          )}
        >
          {at > 0 && (
            <span aria-hidden className="w-28 shrink-0 text-muted sm:hidden">
              {column.name}
            </span>
          )}
          {at === 0 ? (
            <Opener item={item} rowLink={rowLink} onOpen={onOpen}>
              {column.cell(item)}
            </Opener>
          ) : (
            column.cell(item)
          )}
        </div>
      ))}
      {rowMenu && (
        <div role="cell" className="relative z-10 -my-1.5 max-sm:absolute max-sm:top-2 max-sm:right-2">
          {rowMenu(item)}
        </div>
      )}
    </div>
  )
}

interface OpenerProps<Item> {
  readonly item: Item
  readonly rowLink: ((item: Item) => string) | undefined
  readonly onOpen: ((item: Item) => void) | undefined
  readonly children: ReactNode
}

/** The first cell's link covers the whole row. */
function Opener<Item>({ item, rowLink, onOpen, children }: OpenerProps<Item>) {
  const look = 'font-medium after:absolute after:inset-0'
  if (rowLink)
    return (
      <Link to={rowLink(item)} className={look}>
        {children}
      </Link>
    )
  if (!onOpen) return <span className="font-medium">{children}</span>
  return (
    <button type="button" className={classes(look, 'max-w-full truncate text-left')} onClick={() => onOpen(item)}>
      {children}
    </button>
  )
}
