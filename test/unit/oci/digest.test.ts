import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestAlgorithm, digestHex, digestOf, parseDigest } from '../../../src/oci/digest.ts'

const HEX = '0123456789abcdef'.repeat(4)

for (const text of [`sha256:${HEX}`, `sha512:${HEX}${HEX}`]) {
  test(`${text} is a digest`, () => {
    const digest = parseDigest(text)
    assert.ok(digest)
    assert.equal(`${digestAlgorithm(digest)}:${digestHex(digest)}`, text)
  })
}

for (const text of [
  '',
  HEX,
  `sha256:${HEX.slice(1)}`,
  `sha256:${HEX}0`,
  `sha256:${HEX.toUpperCase()}`,
  `SHA256:${HEX}`,
  `sha512:${HEX}`,
  `sha256:${HEX}${HEX}`,
  `md5:${HEX.slice(0, 32)}`,
  `sha384:${HEX}${HEX.slice(0, 32)}`,
  `sha256:${HEX}\n`,
  ` sha256:${HEX}`,
  `sha256:../${HEX.slice(3)}`,
  `sha256+b64:${HEX}`,
]) {
  test(`${JSON.stringify(text)} is none`, () => assert.equal(parseDigest(text), undefined))
}

test('the digest of bytes, by either algorithm', () => {
  const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
  assert.equal(digestOf(Buffer.alloc(0)), `sha256:${empty}`)
  assert.match(digestOf(Buffer.alloc(0), 'sha512'), /^sha512:cf83e1357eefb8bd/)
})
