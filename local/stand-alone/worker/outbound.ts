/** Routes the Worker's own requests: those to its stores to the parent process, all others out. */

interface Bindings {
  readonly STORES: Fetcher
  readonly STORES_HOST: string
  readonly INTERNET: Fetcher
}

export default {
  fetch: (request, { STORES, STORES_HOST, INTERNET }) =>
    (new URL(request.url).host === STORES_HOST ? STORES : INTERNET).fetch(request),
} satisfies ExportedHandler<Bindings>
