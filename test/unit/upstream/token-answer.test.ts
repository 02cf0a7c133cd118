import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTokenAnswer, tokenLifetimeMs } from '../../../src/upstream/token-answer.ts'

const LIFETIMES: [unknown, number][] = [
  [300, 270_000],
  ['300', 270_000],
  [60, 50_000],
  [90, 80_000],
  [100, 90_000],
  [undefined, 50_000],
  [null, 50_000],
  [5, 50_000],
  [-1, 50_000],
  ['soon', 50_000],
  [Number.POSITIVE_INFINITY, 50_000],
]

for (const [expiresIn, lifetimeMs] of LIFETIMES) {
  test(`expires_in ${JSON.stringify(expiresIn)}: ${lifetimeMs} ms`, () => {
    assert.equal(tokenLifetimeMs(expiresIn), lifetimeMs)
  })
}

const ANSWERS: [string, string | undefined][] = [
  ['{"token":"a"}', 'a'],
  ['{"access_token":"b"}', 'b'],
  ['{"token":"","access_token":"b"}', 'b'],
  ['{"token":"a","access_token":"b"}', 'a'],
  ['{"token":"a\\r\\nX-Evil: 1"}', undefined],
  ['{"token":7}', undefined],
  ['{}', undefined],
  ['null', undefined],
  ['<html>', undefined],
]

for (const [text, token] of ANSWERS) {
  test(`token in ${text}: ${token}`, () => assert.equal(parseTokenAnswer(text)?.token, token))
}

test('a refresh token beside the token is kept as a secret', () => {
  const refreshTokenIn = (text: string) => parseTokenAnswer(text)?.refreshToken
  assert.equal(refreshTokenIn('{"token":"a","refresh_token":"r"}')?.reveal(), 'r')
  for (const text of ['{"token":"a"}', '{"token":"a","refresh_token":""}']) {
    assert.equal(refreshTokenIn(text), undefined)
  }
})

test('issued_at of a wrong clock changes nothing', () => {
  const answer = '{"token":"a","expires_in":300,"issued_at":"1999-01-01T00:00:00Z"}'
  assert.equal(parseTokenAnswer(answer)?.lifetimeMs, 270_000)
})
