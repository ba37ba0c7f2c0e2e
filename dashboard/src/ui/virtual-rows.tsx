import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useLayoutEffect, useRef, useState } from 'react'

const ROW_PX = 41

interface VirtualRowsProps {
  readonly ids: readonly string[]
  readonly render: (index: number) => ReactNode
}

/** Only the rows in view are rendered, so that ten thousand scroll smoothly. */
export function VirtualRows({ ids, render }: VirtualRowsProps) {
  const body = useRef<HTMLDivElement>(null)
  const [offset, setOffset] = useState(0)
  useLayoutEffect(() => setOffset(body.current?.offsetTop ?? 0), [])
  const virtual = useWindowVirtualizer({
    count: ids.length,
    estimateSize: () => ROW_PX,
    overscan: 12,
    scrollMargin: offset,
  })
  return (
    <div role="rowgroup" ref={body} className="relative" style={{ height: virtual.getTotalSize() }}>
      {virtual.getVirtualItems().map(({ index, start }) => (
        <div
          key={ids[index]}
          role="presentation"
          data-index={index}
          ref={virtual.measureElement}
          className="absolute top-0 left-0 w-full"
          style={{ transform: `translateY(${start - offset}px)` }}
        >
          {render(index)}
        </div>
      ))}
    </div>
  )
}
