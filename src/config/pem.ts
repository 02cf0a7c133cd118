// PEM files for the way to registries, looked at before anything relies on them.

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { Secret } from '../lib/secret.ts'
import type { Parsed } from './parsed.ts'
import { parseFile, readText } from './paths.ts'
import type { Home } from './paths.ts'
import { quote } from './wording.ts'

export interface CertificateFile {
  readonly file: string
  /** Its certificates and nothing else. */
  readonly certificates: string
}

interface KeyFile {
  readonly file: string
  readonly key: Secret
}

export interface CertificateAndKey {
  readonly certificate: CertificateFile
  readonly key: KeyFile
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g
const KEY = /-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----[^]*?-----END \1-----/

export function parseCertificateFile(text: string, home: Home): Parsed<CertificateFile> {
  const read = readNamed(text, home)
  if ('problem' in read) return read
  const { file, content } = read.value
  const certificates = content.match(CERTIFICATE) ?? []
  if (certificates.length === 0) {
    return {
      problem: `the file ${quote(file)} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)`,
    }
  }
  const broken = certificates.findIndex((certificate) => !isCertificate(certificate))
  if (broken >= 0) {
    return { problem: `certificate ${broken + 1} of the file ${quote(file)} is damaged` }
  }
  return { value: { file, certificates: `${certificates.join('\n')}\n` } }
}

function parseKeyFile(text: string, home: Home): Parsed<KeyFile> {
  const read = readNamed(text, home)
  if ('problem' in read) return read
  const { file, content } = read.value
  const [key] = KEY.exec(content) ?? []
  if (key === undefined) {
    return {
      problem: `the file ${quote(file)} holds no key in PEM form (-----BEGIN PRIVATE KEY-----)`,
    }
  }
  if (/ENCRYPTED/.test(key)) {
    return {
      problem: `the key in ${quote(file)} is locked by a passphrase, which nobody is there to type: store it without one`,
    }
  }
  if (!isKey(key)) return { problem: `the key in ${quote(file)} is damaged` }
  return { value: { file, key: new Secret(`${key}\n`) } }
}

/** `FILE` for both, or `FILE,KEYFILE`. */
export function parseCertificateAndKey(text: string, home: Home): Parsed<CertificateAndKey> {
  const [certificateText = '', keyText = certificateText, ...more] = text.split(',')
  if (more.length > 0) return { problem: `${quote(text)} is more than FILE or FILE,KEYFILE` }
  const certificate = parseCertificateFile(certificateText, home)
  if ('problem' in certificate) return certificate
  const key = parseKeyFile(keyText, home)
  if ('problem' in key) return key
  const problem = mismatch(certificate.value, key.value)
  if (problem !== undefined) return { problem }
  return { value: { certificate: certificate.value, key: key.value } }
}

/** What is wrong where the key belongs to another certificate than the first. */
function mismatch(certificate: CertificateFile, key: KeyFile): string | undefined {
  const first = new X509Certificate(certificate.certificates)
  if (first.checkPrivateKey(createPrivateKey(key.key.reveal()))) return undefined
  return `the key in ${quote(key.file)} does not belong to the first certificate in ${quote(certificate.file)}`
}

function readNamed(text: string, home: Home): Parsed<{ file: string; content: string }> {
  const file = parseFile(text, home)
  if ('problem' in file) return file
  const content = readText(file.value)
  if ('problem' in content) return content
  return { value: { file: file.value, content: content.value } }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}

function isKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).type === 'private'
  } catch {
    return false
  }
}
