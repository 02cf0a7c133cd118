// Certificates after RFC 5280, of ECDSA P-256 keys: an authority's own, and a server's by it.

import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_serverAuth,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509'
import type { KeyPair } from '../lib/key-pair.ts'
import { Secret } from '../lib/secret.ts'

const DAY_MS = 86_400_000
const AUTHORITY_MS = 3652 * DAY_MS
/** Apple's and others' limit for what a server shows. */
const SERVER_MS = 397 * DAY_MS
/** A client's clock may be behind. */
const EARLIER_MS = DAY_MS
const SERIAL_BYTES = 16

const ID_COMMON_NAME = '2.5.4.3'
const COMMON_NAME_MAX = 64
const ECDSA_WITH_SHA256 = new AlgorithmIdentifier({ algorithm: '1.2.840.10045.4.3.2' })

/**
 * Without name constraints: an office's names and addresses are not known beforehand, and an
 * authority made anew for each of them would have to be trusted anew.
 */
export function issueAuthority(commonName: string, now: number): KeyPair {
  const { privateKey, spki } = newKey()
  const subject = nameOf(commonName)
  const certificate = signed(privateKey, {
    issuer: subject,
    subject,
    spki,
    validity: validity(now, AUTHORITY_MS),
    extensions: [
      extension(id_ce_basicConstraints, new BasicConstraints({ cA: true, pathLenConstraint: 0 })),
      extension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign)),
      extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(identifier(spki)), false),
    ],
  })
  return { certificate, key: pemOf(privateKey) }
}

/** `names`: host names, perhaps with a wildcard, and IP addresses. */
export function issueServer(authority: KeyPair, names: readonly string[], now: number): KeyPair {
  const issuer = AsnConvert.parse(
    new X509Certificate(authority.certificate).raw,
    Certificate,
  ).tbsCertificate
  const { privateKey, spki } = newKey()
  const keyIdentifier = new KeyIdentifier(identifier(issuer.subjectPublicKeyInfo))
  const generalNames = names.map((name) =>
    isIP(name) === 0 ? new GeneralName({ dNSName: name }) : new GeneralName({ iPAddress: name }),
  )
  const certificate = signed(createPrivateKey(authority.key.reveal()), {
    issuer: issuer.subject,
    subject: nameOf('regmirror'),
    spki,
    validity: validity(now, SERVER_MS),
    extensions: [
      extension(id_ce_basicConstraints, new BasicConstraints({ cA: false })),
      extension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.digitalSignature)),
      extension(id_ce_extKeyUsage, new ExtendedKeyUsage([id_kp_serverAuth]), false),
      extension(id_ce_subjectAltName, new SubjectAlternativeName(generalNames), false),
      extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(identifier(spki)), false),
      extension(id_ce_authorityKeyIdentifier, new AuthorityKeyIdentifier({ keyIdentifier }), false),
    ],
  })
  return { certificate, key: pemOf(privateKey) }
}

interface Contents {
  readonly issuer: Name
  readonly subject: Name
  readonly spki: SubjectPublicKeyInfo
  readonly validity: Validity
  readonly extensions: Extension[]
}

function signed(issuerKey: KeyObject, contents: Contents): string {
  const { issuer, subject, spki, extensions } = contents
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: serialNumber(),
    signature: ECDSA_WITH_SHA256,
    issuer,
    validity: contents.validity,
    subject,
    subjectPublicKeyInfo: spki,
    extensions: new Extensions(extensions),
  })
  const signature = sign('sha256', Buffer.from(AsnConvert.serialize(tbsCertificate)), issuerKey)
  const certificate = new Certificate({
    tbsCertificate,
    signatureAlgorithm: ECDSA_WITH_SHA256,
    signatureValue: exactly(signature),
  })
  return new X509Certificate(Buffer.from(AsnConvert.serialize(certificate))).toString()
}

function newKey(): { privateKey: KeyObject; spki: SubjectPublicKeyInfo } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const der = publicKey.export({ type: 'spki', format: 'der' })
  return { privateKey, spki: AsnConvert.parse(der, SubjectPublicKeyInfo) }
}

function pemOf(key: KeyObject): Secret {
  return new Secret(key.export({ type: 'pkcs8', format: 'pem' }).toString())
}

function nameOf(commonName: string): Name {
  const value = new AttributeValue({ utf8String: commonName.slice(0, COMMON_NAME_MAX) })
  const attribute = new AttributeTypeAndValue({ type: ID_COMMON_NAME, value })
  return new Name([new RelativeDistinguishedName([attribute])])
}

function extension(extnID: string, value: object, critical = true): Extension {
  const extnValue = new OctetString(AsnConvert.serialize(value))
  return new Extension({ extnID, critical, extnValue })
}

/** RFC 7093, method 1. */
function identifier({ subjectPublicKey }: SubjectPublicKeyInfo): ArrayBuffer {
  const hash = createHash('sha256').update(Buffer.from(subjectPublicKey)).digest()
  return exactly(hash.subarray(0, 20))
}

/** Positive, and of that many bytes. */
function serialNumber(): ArrayBuffer {
  const bytes = randomBytes(SERIAL_BYTES)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return exactly(bytes)
}

function validity(now: number, lengthMs: number): Validity {
  const from = Math.floor(now / 1000) * 1000 - EARLIER_MS
  return new Validity({ notBefore: new Date(from), notAfter: new Date(from + lengthMs) })
}

function exactly(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}
