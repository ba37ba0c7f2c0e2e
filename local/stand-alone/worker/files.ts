/** The files that Cloudflare's `[assets]` would serve, from the folder of the build. */

const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  ico: 'image/x-icon',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json; charset=utf-8',
  map: 'application/json; charset=utf-8',
  md: 'text/markdown; charset=utf-8',
  png: 'image/png',
  svg: 'image/svg+xml',
  txt: 'text/plain; charset=utf-8',
  webmanifest: 'application/manifest+json',
  woff2: 'font/woff2',
}

/** The assets of the dashboard's page; their names change with their content. */
const OF_PAGE = '/dashboard/assets/'

/** Whether a request is for a file that bypasses the Worker's code, as in `run_worker_first` of wrangler.toml. */
export function isForFile({ method, url }: Request): boolean {
  return (method === 'GET' || method === 'HEAD') && url.includes(OF_PAGE) && new URL(url).pathname.startsWith(OF_PAGE)
}

/** Serves a file under its path. 404 if there is none. */
export async function serveFile(folder: Fetcher, request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  const name = pathname.slice(pathname.lastIndexOf('/') + 1)
  const type = TYPES[name.slice(name.lastIndexOf('.') + 1)]
  const file =
    type === undefined ? undefined : await folder.fetch(`http://files${pathname}`, { method: request.method })
  if (!type || !file?.ok) return new Response(null, { status: 404 })
  return new Response(file.body, {
    headers: {
      'Content-Type': type,
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': pathname.startsWith(OF_PAGE) ? 'public, max-age=31536000, immutable' : 'no-cache',
    },
  })
}
