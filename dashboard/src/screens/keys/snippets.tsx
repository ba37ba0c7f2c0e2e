import { useState } from 'react'
import { CodeBlock } from '../../ui/copy.tsx'
import { Tabs } from '../../ui/tabs.tsx'

/** Where this deployment's API is. */
const base = () => `${location.origin}/api/v1`

const LANGUAGES = [
  ['curl', 'curl'],
  ['typescript', 'TypeScript'],
  ['python', 'Python'],
  ['agent', 'Agent'],
] as const

type Language = (typeof LANGUAGES)[number][0]

/**
 * How a program sends a key, and how an agent's settings name it (docs/guides/mcp.md). The call is one that any key may make: it reads the
 * quotas of its organization.
 */
const SNIPPETS: Readonly<Record<Language, (key: string) => string>> = {
  curl: (key) => `curl ${base()}/quotas \\\n  -H "Authorization: Bearer ${key}"`,
  typescript: (key) =>
    `const response = await fetch('${base()}/quotas', {
  headers: { Authorization: 'Bearer ${key}' },
})
if (!response.ok) throw new Error(\`Status \${response.status}\`)
console.log(await response.json())`,
  python: (key) =>
    `import json, urllib.request

request = urllib.request.Request(
    "${base()}/quotas",
    headers={"Authorization": "Bearer ${key}"},
)
with urllib.request.urlopen(request) as response:
    print(json.load(response))`,
  agent: (key) => {
    const headers = { Authorization: `Bearer ${key}` }
    return JSON.stringify(
      { mcpServers: { tollgate: { type: 'http', url: `${location.origin}/mcp`, headers } } },
      null,
      2,
    )
  },
}

interface SnippetsProps {
  readonly apiKey: string
  /** Called when a text with the key was copied. */
  readonly onCopied?: () => void
}

export function Snippets({ apiKey, onCopied }: SnippetsProps) {
  const [language, setLanguage] = useState<string>('curl')
  const write = SNIPPETS[language as Language] ?? SNIPPETS.curl
  return (
    <div className="flex flex-col gap-3">
      <Tabs label="Language" value={language} tabs={LANGUAGES} onChange={setLanguage} />
      <CodeBlock label={`${language} example`} code={write(apiKey)} onCopied={onCopied} />
    </div>
  )
}
