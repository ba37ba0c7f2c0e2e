/** While developing: reloads the page after each new build. */
const INTERVAL_MS = 1_000

async function readVersion(): Promise<string> {
  const answer = await fetch('/dashboard/assets/build.txt', { cache: 'no-store' })
  return answer.ok ? answer.text() : ''
}

export async function reloadAfterBuilds(): Promise<void> {
  const first = await readVersion()
  setInterval(async () => {
    const now = await readVersion().catch(() => '')
    if (now !== '' && now !== first) location.reload()
  }, INTERVAL_MS)
}
