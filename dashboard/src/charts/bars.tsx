import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import { Button } from '../ui/button.tsx'
import { classes } from '../ui/class.ts'
import { axisTicks, visibleLabels } from './scale.ts'

export interface Series {
  readonly name: string
  /** One of the chart colors, 1 to 6, or a color with a meaning. */
  readonly color: 1 | 2 | 3 | 4 | 5 | 6 | 'good' | 'warn' | 'bad'
  readonly values: readonly number[]
}

interface BarsProps {
  /** The question that the chart answers. */
  readonly title: string
  /** A name for each bar, as the axis and the table show it. */
  readonly labels: readonly string[]
  readonly series: readonly Series[]
  /** How a value is written, with its unit. */
  readonly format: (value: number) => string
  /** How the axis writes it, in at most 7 characters; as everywhere else when absent. */
  readonly formatTick?: (value: number) => string
  /** A line across the chart, such as a limit. */
  readonly mark?: { readonly value: number; readonly label: string }
  readonly height?: number
}

const LEFT = 52
const BOTTOM = 22
const TOP = 8
/** About the width of a character of the axis, and the space between labels. */
const CHARACTER = 6.5
const LABEL_GAP = 20

const fill = (color: Series['color']) => (typeof color === 'number' ? `var(--chart-${color})` : `var(--${color})`)

/** Bars over time, stacked by series. The same figures are in a table, and in one sentence for screen readers. */
export function Bars(props: BarsProps) {
  const { title, series } = props
  const [isTable, setIsTable] = useState(false)
  const id = useId()
  return (
    <figure className="flex flex-col gap-3" aria-labelledby={id}>
      <figcaption className="flex flex-wrap items-center justify-between gap-2">
        <span id={id} className="font-medium">
          {title}
        </span>
        <span className="flex flex-wrap items-center gap-x-4 gap-y-1">
          {series.length > 1 && !isTable && <Legend series={series} />}
          <Button
            look="quiet"
            className="-mx-3 font-normal text-muted"
            aria-pressed={isTable}
            onClick={() => setIsTable(!isTable)}
          >
            {isTable ? 'Show chart' : 'Show table'}
          </Button>
        </span>
      </figcaption>
      {isTable ? <ChartTable {...props} /> : <Plot {...props} />}
    </figure>
  )
}

function Legend({ series }: { readonly series: readonly Series[] }) {
  return (
    <ul className="flex flex-wrap gap-x-3 gap-y-1 text-small text-muted">
      {series.map(({ name, color }) => (
        <li key={name} className="inline-flex items-center gap-1.5">
          <svg aria-hidden viewBox="0 0 10 10" className="size-2.5">
            <rect width="10" height="10" rx="2" fill={fill(color)} />
          </svg>
          {name}
        </li>
      ))}
    </ul>
  )
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

function summarize({ title, labels, series, format }: BarsProps): string {
  const totals = series.map(({ name, values }) => `${name} ${format(sum(values))}`)
  const bars = labels.map((_, at) => sum(series.map(({ values }) => values[at] ?? 0)))
  const highest = bars.indexOf(Math.max(...bars))
  const peak = bars.length > 0 ? ` The highest is ${format(bars[highest] ?? 0)}, at ${labels[highest]}.` : ''
  return `${title}. Total: ${totals.join(', ')}.${peak} Use the arrow keys to read individual bars.`
}

function Plot(props: BarsProps) {
  const { labels, series, format, formatTick = format, mark, height = 220 } = props
  const [width, holder] = useWidth()
  const [chosen, setChosen] = useState<number>()
  const totals = labels.map((_, at) => sum(series.map(({ values }) => values[at] ?? 0)))
  const ticks = axisTicks(Math.max(0, ...totals, mark?.value ?? 0), totals.every(Number.isInteger))
  const top = ticks.at(-1) ?? 1
  const plotHeight = height - TOP - BOTTOM
  const y = (value: number) => TOP + plotHeight * (1 - value / top)
  const slot = (width - LEFT) / Math.max(1, labels.length)
  const labelRoom = Math.max(0, ...labels.map(({ length }) => length)) * CHARACTER + LABEL_GAP
  const isLabeled = visibleLabels(labels.length, Math.floor((width - LEFT) / labelRoom))

  function move(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (step === undefined) return event.key === 'Escape' ? setChosen(undefined) : undefined
    event.preventDefault()
    const from = chosen ?? (step > 0 ? -1 : labels.length)
    setChosen(Math.max(0, Math.min(labels.length - 1, from + step)))
  }

  return (
    <div ref={holder} className="relative">
      <svg
        width={width}
        height={height}
        role="img"
        tabIndex={0}
        aria-label={summarize(props)}
        onKeyDown={move}
        onBlur={() => setChosen(undefined)}
        onPointerLeave={() => setChosen(undefined)}
        className="block"
      >
        {ticks.map((tick) => (
          <g key={tick}>
            <line x1={LEFT} x2={width} y1={y(tick)} y2={y(tick)} stroke="var(--line)" />
            <text x={LEFT - 8} y={y(tick) + 4} textAnchor="end" fontSize="12" fill="var(--muted)">
              {formatTick(tick)}
            </text>
          </g>
        ))}
        {labels.map((label, at) => (
          <g key={at} onPointerEnter={() => setChosen(at)}>
            <rect
              x={LEFT + at * slot}
              y={TOP}
              width={slot}
              height={plotHeight}
              fill={chosen === at ? 'var(--hover)' : 'transparent'}
            />
            {stack(series, at).map(({ name, color, from, to }) => (
              <rect
                key={name}
                x={LEFT + at * slot + slot * 0.15}
                width={Math.max(1, slot * 0.7)}
                y={y(to)}
                height={Math.max(0, y(from) - y(to))}
                fill={fill(color)}
              />
            ))}
            {isLabeled(at) && (
              <text
                x={Math.min(LEFT + (at + 0.5) * slot, width - (label.length * CHARACTER) / 2)}
                y={height - 6}
                textAnchor="middle"
                fontSize="12"
                fill="var(--muted)"
              >
                {label}
              </text>
            )}
          </g>
        ))}
        {mark && (
          <g>
            <line
              x1={LEFT}
              x2={width}
              y1={y(mark.value)}
              y2={y(mark.value)}
              stroke="var(--bad)"
              strokeDasharray="4 3"
            />
            <text x={width - 4} y={y(mark.value) - 4} textAnchor="end" fontSize="12" fill="var(--bad)">
              {mark.label}
            </text>
          </g>
        )}
      </svg>
      {chosen !== undefined && <Reading {...props} at={chosen} isLeft={chosen < labels.length / 2} />}
    </div>
  )
}

function stack(series: readonly Series[], at: number) {
  let base = 0
  return series.map(({ name, color, values }) => {
    const from = base
    base += values[at] ?? 0
    return { name, color, from, to: base }
  })
}

/** The figures of one bar. */
function Reading({
  labels,
  series,
  format,
  at,
  isLeft,
}: BarsProps & { readonly at: number; readonly isLeft: boolean }) {
  return (
    <div
      role="status"
      className={classes(
        'pointer-events-none absolute top-2 min-w-36 rounded-md border border-line bg-raised px-3 py-2 text-small shadow-lg',
        isLeft ? 'right-2' : 'left-16',
      )}
    >
      <div className="font-medium">{labels[at]}</div>
      {series.map(({ name, values }) => (
        <div key={name} className="flex justify-between gap-4">
          <span className="text-muted">{name}</span>
          <span>{format(values[at] ?? 0)}</span>
        </div>
      ))}
    </div>
  )
}

function ChartTable({ title, labels, series, format }: BarsProps) {
  return (
    <div className="max-h-80 overflow-auto rounded-md border border-line" role="region" aria-label={title} tabIndex={0}>
      <table className="w-full">
        <caption className="sr-only">{title}</caption>
        <thead className="sticky top-0 bg-surface text-small text-muted">
          <tr>
            <th scope="col" className="px-3 py-1.5 text-left">
              Time
            </th>
            {series.map(({ name }) => (
              <th key={name} scope="col" className="px-3 py-1.5 text-right">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {labels.map((label, at) => (
            <tr key={at} className="border-t border-line">
              <th scope="row" className="px-3 py-1.5 text-left font-normal whitespace-nowrap">
                {label}
              </th>
              {series.map(({ name, values }) => (
                <td key={name} className="px-3 py-1.5 text-right">
                  {format(values[at] ?? 0)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** The width of an element in CSS pixels, as it changes. */
function useWidth() {
  const holder = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(600)
  useEffect(() => {
    const element = holder.current
    if (!element) return undefined
    const observer = new ResizeObserver(
      ([entry]) => entry && setWidth(Math.max(200, Math.floor(entry.contentRect.width))),
    )
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  return [width, holder] as const
}
