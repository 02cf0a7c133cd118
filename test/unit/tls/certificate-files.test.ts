import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, renameSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { CertificateFiles } from '../../../src/tls/certificate-files.ts'
import { issueAuthority, issueServer } from '../../../src/tls/x509.ts'
import { TempFolder } from '../../support/temp-folder.ts'

const authority = issueAuthority('tests', Date.now())
const [before, next] = ['old.test', 'new.test'].map((name) => {
  const { certificate, key } = issueServer(authority, [name], Date.now())
  return { certificate: certificate + authority.certificate, key: key.reveal() }
}) as [Texts, Texts]

type Texts = { certificate: string; key: string }

test('files that somebody writes while they are read are read at the next look', async () => {
  await using folder = new TempFolder('tls')
  const lines: string[] = []
  const say = (line: string): void => void lines.push(line)
  const log = { debug: say, info: say, warn: say, error: say }
  const [certificateFile, keyFile] = [folder.join('box.crt'), folder.join('box.key')]
  writeFileSync(certificateFile, before.certificate)
  writeFileSync(keyFile, before.key)
  const files = new CertificateFiles({ certificateFile, keyFile, log, now: Date.now })
  await files.first()

  // Half of a chain, and a key that a reader has to wait for.
  writeFileSync(certificateFile, next.certificate.slice(0, -100))
  rmSync(keyFile)
  execFileSync('mkfifo', [keyFile])
  const reading = files.next()
  const writer = createWriteStream(keyFile)
  await once(writer, 'open')
  writeFileSync(folder.join('whole'), next.key)
  renameSync(folder.join('whole'), keyFile)
  writeFileSync(certificateFile, next.certificate)
  writer.end(before.key)
  assert.equal(await reading, undefined)
  assert.equal((await files.next())?.certificate, next.certificate)
  assert.equal(await files.next(), undefined)
  assert.deepEqual(lines, [])
})
