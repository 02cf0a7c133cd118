// What a failed TLS handshake means, and what to do about it.

/** Words after the name of the host; undefined for what is no matter of TLS. `code` is Node's. */
export function tlsWords(code: string, error: unknown, registry: string): string | undefined {
  if (UNKNOWN_AUTHORITY.has(code)) {
    return `has a certificate from an authority that is not known here: trust it with --ca ${registry}=FILE`
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `has a certificate for ${namesIn(error)}, not for this name: ask it by a name in there`
  }
  // Between the two OpenSSL names a version of TLS, each release its own way.
  const alert = /^ERR_SSL_.*ALERT_([A-Z_]+)$/.exec(code)?.[1]
  if (alert === undefined) return WORDS[code]
  const words = ALERTS[alert]
  return words && `${words}: give it one with --client-cert ${registry}=FILE`
}

const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_UNTRUSTED',
  'INVALID_CA',
])

const NO_TLS = 'does not speak TLS: if it is meant to be plain HTTP, write http:// in the address'

const WORDS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has a certificate that has expired: it has to be renewed there',
  CERT_NOT_YET_VALID: 'has a certificate that is not valid yet: check the clock of this machine',
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
}

// BAD_CERTIFICATE is what servers in Go say of none at all, too.
const WANTS_ANOTHER = 'wants a client certificate that it knows'

/** What the other side said when it ended the handshake (RFC 8446 section 6.2). */
const ALERTS: Readonly<Record<string, string>> = {
  CERTIFICATE_REQUIRED: 'wants a client certificate',
  BAD_CERTIFICATE: WANTS_ANOTHER,
  CERTIFICATE_UNKNOWN: WANTS_ANOTHER,
  UNKNOWN_CA: WANTS_ANOTHER,
  ACCESS_DENIED: WANTS_ANOTHER,
  CERTIFICATE_EXPIRED: 'wants a client certificate that has not expired',
  // Servers of TLS 1.2 say it of a missing certificate, and of other disagreements.
  HANDSHAKE_FAILURE: 'ended the TLS handshake; perhaps it wants a client certificate',
}

/** As in the certificate: `DNS:registry.test, IP Address:10.0.0.5`. */
function namesIn(error: unknown): string {
  const { cert } = error as { readonly cert?: { readonly subjectaltname?: string } }
  return cert?.subjectaltname?.replaceAll(/\b(DNS|IP Address):/g, '') || 'another host'
}
