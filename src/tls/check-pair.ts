// What is wrong with a certificate and a key, in a sentence. Pure.

import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { canonicalName } from './names.ts'

export interface PairTexts {
  readonly certificate: string
  readonly key: string
}

/** Where the texts came from, for the sentences. */
export interface PairPlaces {
  readonly certificate: string
  readonly key: string
}

/** Why a server cannot use the pair, or an authority; undefined: it can. */
export function pairProblem(
  pair: PairTexts,
  places: PairPlaces,
  owner: 'server' | 'authority' = 'server',
): string | undefined {
  const certificate = parsed(() => new X509Certificate(pair.certificate))
  if (certificate === undefined) return certificateProblem(pair.certificate, places.certificate)
  const key = parsed(() => createPrivateKey(pair.key))
  if (key === undefined) return keyProblem(pair.key, places.key)
  if (certificate.checkPrivateKey(key)) {
    // Bun's TLS, rightly, shows no certificate whose key may only sign others.
    return owner === 'server' ? serverProblem(pair, places) : undefined
  }
  const chained = restOfChain(pair.certificate).some((other) => other.checkPrivateKey(key))
  if (chained) {
    return `${places.certificate} must begin with the server's own certificate, and those of its authorities follow: ${places.key} belongs to a later one`
  }
  return `the key in ${places.key} does not belong to the certificate in ${places.certificate}: give the two that were made together`
}

/** Undefined before and after is fine for a start: only clients decide whom they believe. */
export function pairWarning(certificate: string, place: string, now: number): string | undefined {
  const { validFromDate, validToDate } = new X509Certificate(certificate)
  if (validToDate.getTime() <= now) {
    return `the certificate in ${place} expired on ${day(validToDate)}: clients will refuse it until it is renewed`
  }
  if (validFromDate.getTime() > now) {
    return `the certificate in ${place} is not valid before ${day(validFromDate)}: see whether this machine's clock is right`
  }
  return undefined
}

/** Host names and addresses, as a certificate names them. */
export function namesOf(certificate: string): string[] {
  const { subjectAltName = '' } = new X509Certificate(certificate)
  return Array.from(subjectAltName.matchAll(/(?:DNS|IP Address):([^,\s]+)/g), ([, name = '']) =>
    canonicalName(name),
  )
}

function certificateProblem(text: string, place: string): string {
  const found = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text) ? ' but a private key' : ''
  return `${place} holds no certificate${found}: give a PEM file that begins with -----BEGIN CERTIFICATE-----`
}

function keyProblem(text: string, place: string): string {
  if (/BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/.test(text)) {
    return `the key in ${place} is encrypted, and there is nobody to ask for its passphrase: give it without one (openssl pkey -in ${place} -out NEW)`
  }
  const found = text.includes('BEGIN CERTIFICATE') ? ' but a certificate' : ''
  return `${place} holds no private key${found}: give a PEM file that begins with -----BEGIN PRIVATE KEY-----`
}

/** Only a server that starts with them reads the rest of a chain and looks at the sizes of keys. */
function serverProblem({ certificate, key }: PairTexts, places: PairPlaces): string | undefined {
  try {
    createSecureContext({ cert: certificate, key })
    // Deno's TLS passes over what it cannot read.
    if (isWholeChain(certificate)) return undefined
    return `${places.certificate} is cut off or damaged after its first certificate: give the whole file`
  } catch (error) {
    const { library, reason, message } = error as Error & { library?: string; reason?: string }
    if (library === 'SSL routines') {
      return `TLS refuses the certificates in ${places.certificate} (${reason}): have them made anew, with RSA keys of 2048 bits or more and SHA-256`
    }
    return `${places.certificate} is cut off or damaged after its first certificate (${reason ?? message}): give the whole file`
  }
}

function isWholeChain(text: string): boolean {
  const begun = text.match(/-----BEGIN CERTIFICATE-----/g) ?? []
  return restOfChain(text).length >= begun.length - 1
}

function restOfChain(text: string): X509Certificate[] {
  const [, ...rest] = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return rest.flatMap((pem) => parsed(() => new X509Certificate(pem)) ?? [])
}

function parsed<T extends X509Certificate | KeyObject>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch {
    return undefined
  }
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}
