/** The documentation as files that the Worker serves: each page as Markdown, and an index for language models (llmstxt.org). */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

const DOCS = fileURLToPath(new URL('../../docs', import.meta.url))

const SECTIONS = [
  ['guides', 'Guides'],
  ['operate', 'Operate'],
  ['internals', 'Internals'],
] as const

const SUMMARY = `# Tollgate

> The front door of any API: accounts, organizations, API keys, rate limits, quotas, usage metering and billing, as one Cloudflare Worker.
> Your API asks Tollgate about the key of each request, by HTTPS or service binding, or stands behind its gateway.

- [The API](/docs.md): every operation, with its inputs and answers; as OpenAPI 3.1 at [/openapi.json](/openapi.json)
`

interface Page {
  /** Relative to docs/, with slashes. */
  readonly path: string
  readonly text: string
}

/** @param folder of all assets */
export async function buildDocs(folder: string): Promise<void> {
  const pages = await readPages()
  for (const { path, text } of pages) await put(join(folder, 'docs', path), text)
  await put(join(folder, 'llms.txt'), writeIndex(pages))
}

async function readPages(): Promise<Page[]> {
  const entries = await readdir(DOCS, { recursive: true })
  const paths = entries.map((path) => path.replaceAll('\\', '/')).filter((path) => path.endsWith('.md'))
  const pages = paths.toSorted().map(async (path) => {
    const text = await readFile(join(DOCS, path), 'utf8')
    return { path, text: keepLinks(text, path) }
  })
  return Promise.all(pages)
}

const LINK = /\[([^\]]+)\]\(([^)\s]+)\)/g

/** A link to a file that is not served is replaced by its text. */
function keepLinks(text: string, path: string): string {
  return text.replaceAll(LINK, (link, said: string, target: string) => {
    if (/^([a-z]+:|#|\/)/.test(target)) return link
    const [file = ''] = posix.join(dirname(path), target).split('#')
    return file.endsWith('.md') && !file.startsWith('..') ? link : said
  })
}

function writeIndex(pages: readonly Page[]): string {
  const sections = SECTIONS.map(([folder, title]) => {
    const own = pages.filter(({ path }) => path.startsWith(`${folder}/`))
    return `## ${title}\n\n${own.map(writeEntry).join('\n')}\n`
  })
  return [SUMMARY, ...sections].join('\n')
}

function writeEntry({ path, text }: Page): string {
  const [, title = path] = /^# (.+)$/m.exec(text) ?? []
  const about = firstSentence(text)
  return `- [${title}](/docs/${path})${about && `: ${about}`}`
}

function firstSentence(text: string): string {
  const paragraph = text.split(/\n\n+/).find((part) => /^([A-Z*[]|`[^`])/.test(part)) ?? ''
  const plain = paragraph.replaceAll('\n', ' ').replaceAll(LINK, '$1')
  return /^.+?[.:](?= |$)/.exec(plain)?.[0].replace(/:$/, '.') ?? plain
}

async function put(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
}
