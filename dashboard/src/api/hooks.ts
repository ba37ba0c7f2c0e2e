import {
  keepPreviousData,
  type QueryKey,
  useInfiniteQuery,
  useMutation,
  useQueries,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query'
import { useRef } from 'react'
import { type Answer, call, type Input, type InputArguments, type OperationName } from './client.ts'
import { isGone } from './gone.ts'
import { ApiError } from './problem.ts'

/** Failures that another try may mend. */
export const isTemporary = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 0 || error.status >= 500)

interface ReadOptions {
  /** How often to ask again, in milliseconds. */
  readonly every?: number | false
  readonly enabled?: boolean
}

/** Reads an operation, keeps the last answer while another one is on its way, and asks again when the tab is shown. */
export function useRead<Name extends OperationName>(
  name: Name,
  input: Input<Name> = {} as Input<Name>,
  { every = false, enabled = true }: ReadOptions = {},
) {
  return useQuery<Answer<Name>, ApiError>({
    queryKey: [name, input],
    queryFn: ({ signal }) => call(name, ...([{ ...input, signal }] as unknown as InputArguments<Name>)),
    placeholderData: keepPreviousData,
    refetchInterval: every,
    enabled,
  })
}

/** Reads an operation several times, each with its own input. Answers that are not there yet are left out. */
export function useReads<Name extends OperationName>(name: Name, inputs: readonly Input<Name>[]): Answer<Name>[] {
  return useQueries({
    queries: inputs.map((input) => ({
      queryKey: [name, input],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        call(name, ...([{ ...input, signal }] as unknown as InputArguments<Name>)),
    })),
    combine: (results) => results.flatMap(({ data }) => (data === undefined ? [] : [data as Answer<Name>])),
  })
}

/** Operations that list by cursor. */
type ListName = {
  [Name in OperationName]: Answer<Name> extends { data: unknown[]; next_cursor: string | null } ? Name : never
}[OperationName]
export type Row<Name extends ListName> = Answer<Name> extends { data: (infer Item)[] } ? Item : never

/** Reads a list page by page. `rows` are those of all pages read so far. */
export function useList<Name extends ListName>(
  name: Name,
  input: Input<Name> = {} as Input<Name>,
  { every = false, enabled = true }: ReadOptions = {},
) {
  const query = useInfiniteQuery<Answer<Name>, ApiError, { pages: Answer<Name>[] }, QueryKey, string | undefined>({
    queryKey: [name, input, 'pages'],
    initialPageParam: undefined,
    queryFn({ signal, pageParam }) {
      const asked = 'query' in input ? (input.query as object) : {}
      const paged = { ...input, signal, query: { ...asked, ...(pageParam && { cursor: pageParam }) } }
      return call(name, ...([paged] as unknown as InputArguments<Name>))
    },
    getNextPageParam: (page) => (page as { next_cursor: string | null }).next_cursor ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: every,
    enabled,
  })
  const rows = query.data?.pages.flatMap((page) => (page as unknown as { data: Row<Name>[] }).data)
  return { ...query, rows }
}

export type List<Name extends ListName> = ReturnType<typeof useList<Name>>

/**
 * Calls an operation that changes something. A deletion whose answer was lost has succeeded if a repeat finds nothing. Until it succeeds, each call with the same input has the same
 * `Idempotency-Key`, whether the page or the person repeats it: the first may have had its effect. Afterwards everything is
 * read again, but `onSuccess` does not wait for that.
 */
export function useChange<Name extends OperationName>(name: Name) {
  const client = useQueryClient()
  const keys = useRef(new Map<string, string>())
  const unanswered = useRef(new Set<string>())
  return useMutation<Answer<Name>, ApiError, Input<Name>>({
    async mutationFn(input) {
      try {
        return await call(
          name,
          ...([{ ...input, ...keyFor(name, input, keys.current) }] as unknown as InputArguments<Name>),
        )
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
        if (isLost(error)) unanswered.current.add(JSON.stringify(input))
        else if (unanswered.current.has(JSON.stringify(input)) && isGone(name, error)) return undefined
        throw error
      }
    },
    retry: (tries, error) => tries < 2 && isLost(error),
    onSuccess(_, input) {
      keys.current.delete(JSON.stringify(input))
      unanswered.current.delete(JSON.stringify(input))
    },
    onSettled(_, error) {
      if (!error || isStale(error)) void client.invalidateQueries()
    },
  })
}

/** Whether a request may have had its effect, although its answer did not arrive. */
const isLost = ({ status }: ApiError): boolean => status === 0 || status === 503

/** Whether the page may show something else than the server has. */
const isStale = (error: ApiError): boolean => isTemporary(error) || error.status === 404 || error.status === 409

function keyFor(name: string, input: object, keys: Map<string, string>): { idempotencyKey?: string } {
  if (!name.startsWith('POST')) return {}
  const asked = JSON.stringify(input)
  const idempotencyKey = keys.get(asked) ?? crypto.randomUUID()
  keys.set(asked, idempotencyKey)
  return { idempotencyKey }
}
