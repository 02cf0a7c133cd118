// Whose certificates are believed, and to whom ours is shown.

import tls from 'node:tls'
import type { SecureContext } from 'node:tls'
import type { Secret } from '../lib/secret.ts'
import { isTrusted } from './trusted-hosts.ts'

/** PEM texts. */
export interface ClientCertificate {
  readonly certificate: string
  readonly key: Secret
}

export interface TrustSettings {
  readonly endpoints: readonly URL[]
  /** PEM of authorities to trust beside the usual ones. */
  readonly ca?: string | undefined
  readonly clientCertificate?: ClientCertificate | undefined
  readonly unverifiedTls?: boolean
  readonly trustedHosts?: readonly string[]
}

/** For tls.connect. */
export interface TlsOptions {
  readonly secureContext: SecureContext
  readonly rejectUnauthorized: boolean
}

/**
 * - `own`: the hosts of the registry's endpoints, and those that the operator trusts for it
 * - `others`: the rest of the world: storage, token servers, proxies
 */
export type Company = 'own' | 'others'

/**
 * A client certificate, and a certificate that is not looked at, are for `own` only: whoever the
 * registry redirects to is not who was meant. Ports make no difference, since certificates name
 * hosts: a token server or a storage beside the registry is covered, one on a host of its own has
 * to be among the trusted hosts, or to be vouched for by `ca`, which is believed everywhere.
 */
export class Trust {
  readonly #settings: TrustSettings
  readonly #made = new Map<Company, TlsOptions>()

  constructor(settings: TrustSettings) {
    this.#settings = settings
  }

  companyOf(url: URL): Company {
    const { endpoints, clientCertificate, unverifiedTls, trustedHosts = [] } = this.#settings
    if (!clientCertificate && !unverifiedTls) return 'others'
    const isOwn = endpoints.some(({ hostname }) => hostname === url.hostname)
    return isOwn || isTrusted(url, trustedHosts) ? 'own' : 'others'
  }

  /** Made when it is needed: a context takes some MB and 15 ms, for each connection if Node makes it. */
  optionsFor(company: Company): TlsOptions {
    let options = this.#made.get(company)
    if (!options) this.#made.set(company, (options = this.#make(company)))
    return options
  }

  #make(company: Company): TlsOptions {
    const { ca, clientCertificate, unverifiedTls = false } = this.#settings
    const shown = company === 'own' ? clientCertificate : undefined
    const rejectUnauthorized = company === 'others' || !unverifiedTls
    if (ca === undefined && !shown) return { secureContext: usualContext(), rejectUnauthorized }
    const identity = shown && { cert: shown.certificate, key: shown.key.reveal() }
    const secureContext = tls.createSecureContext({ ...authorities(ca), ...identity })
    return { secureContext, rejectUnauthorized }
  }
}

let usual: SecureContext | undefined

/** For everything that no registry says more about. */
function usualContext(): SecureContext {
  return (usual ??= tls.createSecureContext(authorities(undefined)))
}

/** Nothing where Node's own roots are enough: those take no memory. */
function authorities(ca: string | undefined): { ca?: string[] } {
  const more = [...systemAuthorities(), ...(ca === undefined ? [] : [ca])]
  return more.length === 0 ? {} : { ca: [...nodeAuthorities(), ...more] }
}

function nodeAuthorities(): readonly string[] {
  return canListAuthorities() ? tls.getCACertificates('default') : tls.rootCertificates
}

let added: readonly string[] | undefined

/** What the system trusts and Node does not: offices install their own authority there. Slow, so once. */
function systemAuthorities(): readonly string[] {
  if (!added) {
    const known = new Set(nodeAuthorities())
    const all = canListAuthorities() ? tls.getCACertificates('system') : []
    added = [...new Set(all)].filter((certificate) => !known.has(certificate))
  }
  return added
}

/** Since Node 22.15; not in every other runtime. */
function canListAuthorities(): boolean {
  return typeof (tls as Partial<typeof tls>).getCACertificates === 'function'
}
