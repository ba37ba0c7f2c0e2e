/** A page of a list. */
export interface Page<Item> {
  readonly data: readonly Item[]
  /** Null on the last page. */
  readonly next_cursor: string | null
}

type ItemOf<Answer> = Answer extends Page<infer Item> ? Item : never

/** The first page when awaited; every item of this page and of those after it in `for await`. */
export type Pages<Answer> = Promise<Answer> & AsyncIterable<ItemOf<Answer>>

/** Reads a page at once, and those after it while somebody iterates. */
export function readPages<Item, Answer extends Page<Item>>(
  read: (cursor: string | undefined) => Promise<Answer>,
): Promise<Answer> & AsyncIterable<Item> {
  const first = read(undefined)
  return Object.assign(first, {
    async *[Symbol.asyncIterator]() {
      for (let page = await first; ; page = await read(page.next_cursor)) {
        yield* page.data
        if (page.next_cursor === null) return
      }
    },
  })
}
