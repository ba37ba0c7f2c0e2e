/** A strict reader of Prometheus' text format 0.0.4: it refuses what `promtool check metrics` would. */

interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

interface Family {
  readonly type: string
  readonly help: string
  readonly samples: Sample[]
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const SAMPLE =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\+Inf|-Inf|NaN|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"/g

/** What was read so far. */
interface Reading {
  readonly families: Map<string, Family>
  readonly seen: Set<string>
  help?: { readonly name: string; readonly text: string }
  open?: { readonly name: string; readonly family: Family }
}

/** @throws at the first line that is not in the format, or in the wrong place */
export function parseMetrics(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  const reading: Reading = { families: new Map(), seen: new Set() }
  for (const line of text.slice(0, -1).split('\n')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? []
    if (kind === 'HELP') readHelp(reading, name, rest)
    else if (kind === 'TYPE') readType(reading, name, rest)
    else readSample(reading, line)
  }
  for (const [name, family] of reading.families) requireSound(name, family)
  return reading.families
}

function readHelp(reading: Reading, name: string, text: string): void {
  if (!NAME.test(name) || reading.families.has(name)) throw new Error(`no name, or twice: ${name}`)
  reading.help = { name, text }
}

function readType(reading: Reading, name: string, type: string): void {
  if (reading.help?.name !== name) throw new Error(`TYPE without HELP: ${name}`)
  if (!['counter', 'gauge', 'histogram'].includes(type)) throw new Error(`no type: ${type}`)
  reading.open = { name, family: { type, help: reading.help.text, samples: [] } }
  reading.families.set(name, reading.open.family)
}

function readSample({ open, seen }: Reading, line: string): void {
  const sample = SAMPLE.exec(line)
  if (!sample || !open) throw new Error(`no sample: ${line}`)
  const [, name = '', pairs = '', value = ''] = sample
  if (!belongs(name, open.name, open.family.type)) throw new Error(`not in its family: ${line}`)
  const series = line.slice(0, line.lastIndexOf(' '))
  if (seen.has(series)) throw new Error(`series twice: ${line}`)
  seen.add(series)
  const labels = Object.fromEntries([...pairs.matchAll(LABEL)].map(([, label = '', text = '']) => [label, text]))
  open.family.samples.push({ name, labels, value: Number(value.replace('Inf', 'Infinity')) })
}

function belongs(name: string, family: string, type: string): boolean {
  if (type !== 'histogram') return name === family
  return ['_bucket', '_sum', '_count'].some((suffix) => name === family + suffix)
}

function requireSound(name: string, { type, samples }: Family): void {
  if (samples.length === 0) throw new Error(`${name} has no samples`)
  if (type === 'counter' && !name.endsWith('_total')) throw new Error(`${name} is a counter without _total`)
  if (type !== 'counter' && name.endsWith('_total')) throw new Error(`${name} is no counter`)
  if (type !== 'gauge' && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} is below zero`)
  if (type === 'histogram') requireBuckets(name, samples)
}

/** Buckets never decrease, and end with `+Inf`, which equals the count. */
function requireBuckets(name: string, samples: readonly Sample[]): void {
  for (const group of Map.groupBy(samples, ({ labels }) => JSON.stringify({ ...labels, le: '' })).values()) {
    const buckets = group.filter((one) => one.name === `${name}_bucket`)
    const bounds = buckets.map(({ labels }) => Number(labels.le?.replace('Inf', 'Infinity')))
    requireRising(`the bounds of ${name}`, bounds)
    requireRising(
      `the buckets of ${name}`,
      buckets.map(({ value }, at) => value + at),
    ) // each may equal the one before
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`${name} does not end with +Inf`)
    const find = (suffix: string) => group.find((one) => one.name === name + suffix)?.value
    if (find('_count') !== buckets.at(-1)?.value) throw new Error(`${name} counts otherwise than its buckets`)
    if (find('_sum') === undefined) throw new Error(`${name} has no sum`)
  }
}

function requireRising(what: string, values: readonly number[]): void {
  if (values.some((value, at) => !(value > (values[at - 1] ?? Number.NEGATIVE_INFINITY))))
    throw new Error(`${what} do not rise`)
}
