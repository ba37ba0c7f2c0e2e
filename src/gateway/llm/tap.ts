/** How a stream ended: completely, aborted by the caller, or broken by the upstream. */
export type StreamEnd = 'whole' | 'aborted' | 'broken'

export interface Watcher {
  /** Sees each chunk, and returns the bytes that go to the caller. */
  pass(bytes: Uint8Array): Uint8Array
  /** Returns the bytes that go to the caller after the last chunk. */
  flush(): Uint8Array
  /** Called once. */
  end(how: StreamEnd): void
}

/** Passes a stream on at the caller's pace, and shows it to a watcher. The upstream is aborted when the caller disconnects. */
export function tap(body: ReadableStream<Uint8Array>, watcher: Watcher): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  let isOver = false
  const end = (how: StreamEnd) => {
    if (isOver) return
    isOver = true
    watcher.end(how)
  }
  const abort = () => {
    end('aborted')
    reader.cancel().catch(() => undefined)
  }

  async function pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await reader.read()
        const passed = done ? watcher.flush() : watcher.pass(value)
        if (passed.length > 0) controller.enqueue(passed)
        if (done) {
          controller.close()
          return end('whole')
        }
        if (passed.length > 0) return
      }
    } catch (error) {
      end('broken') // no effect after the caller has ended it
      controller.error(error)
    }
  }
  return new ReadableStream({ pull, cancel: abort })
}
