interface SparklineProps {
  /** What the bars are, with their sum: they are an image to screen readers. */
  readonly label: string
  readonly values: readonly number[]
}

const WIDTH = 96
const HEIGHT = 20

/** A row of small bars without axes, for lists. */
export function Sparkline({ label, values }: SparklineProps) {
  const most = Math.max(1, ...values)
  const slot = WIDTH / Math.max(1, values.length)
  return (
    <svg role="img" aria-label={label} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} className="h-5 w-24">
      {values.map((value, at) => {
        const height = value === 0 ? 1 : Math.max(2, (value / most) * HEIGHT)
        return (
          <rect
            key={at}
            x={at * slot}
            y={HEIGHT - height}
            width={Math.max(1, slot - 1)}
            height={height}
            fill={value === 0 ? 'var(--line)' : 'var(--chart-1)'}
          />
        )
      })}
    </svg>
  )
}
