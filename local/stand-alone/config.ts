import { getCACertificates } from 'node:tls'
import type { Manifest } from './build.ts'
import { OUTBOUND } from './build.ts'

interface Places {
  /** Where outside requests come in, as `host:port`. */
  readonly address: string
  /** Unix sockets: for controlling the Worker, and for the fronts of the stores. */
  readonly control: string
  readonly stores: string
  readonly storesHost: string
  /** The folder of served files. */
  readonly files: string
  readonly isPrivateAllowed: boolean
}

/** The variables through which workerd gets values that must not be in a file. */
export const FROM_ENVIRONMENT = ['SETTINGS', 'CLIENT_ADDRESS'] as const

/** workerd's configuration in the text form of Cap'n Proto, which has JSON's strings. It contains no secret. */
export function renderConfig(manifest: Manifest, places: Places): string {
  const { compatibilityDate, compatibilityFlags } = manifest
  const compatibility = `compatibilityDate = ${text(compatibilityDate)}, compatibilityFlags = [${compatibilityFlags.map(text).join(', ')}]`
  const bindings = FROM_ENVIRONMENT.map((name) => `(name = ${text(name)}, fromEnvironment = ${text(name)})`)
  const networks = places.isPrivateAllowed ? ['public', 'private'] : ['public']
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "tollgate", worker = (modules = [${manifest.modules.map(moduleOf).join(', ')}], ${compatibility},
      bindings = [${bindings.join(', ')}, (name = "FILES", service = "files")], globalOutbound = "outbound")),
    (name = "outbound", worker = (modules = [${moduleOf(OUTBOUND)}], ${compatibility},
      bindings = [(name = "STORES", service = "stores"), (name = "INTERNET", service = "internet"),
        (name = "STORES_HOST", text = ${text(places.storesHost)})])),
    (name = "stores", external = (address = ${text(`unix:${places.stores}`)}, http = ())),
    (name = "files", disk = (path = ${text(places.files)})),
    (name = "internet", network = (allow = [${networks.map(text).join(', ')}],
      tlsOptions = (trustedCertificates = [${getCACertificates('default').map(text).join(', ')}]))),
  ],
  sockets = [
    (name = "http", address = ${text(places.address)}, http = (), service = "tollgate"),
    (name = "control", address = ${text(`unix:${places.control}`)}, http = (), service = (name = "tollgate", entrypoint = "Control")),
  ]
);
`
}

const text = (value: string) => JSON.stringify(value)

const moduleOf = (name: string) =>
  `(name = ${text(name)}, ${name.endsWith('.wasm') ? 'wasm' : 'esModule'} = embed ${text(name)})`
