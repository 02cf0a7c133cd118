// What the environment says of the terminal that is drawn on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { load } from './loading.ts'

test('a dumb terminal and the log of a build are only written to', () => {
  const isDumb = (env: Record<string, string>): boolean => load({ env }).config.isTerminalDumb
  assert.equal(isDumb({ TERM: 'xterm' }), false)
  assert.equal(isDumb({ TERM: 'dumb' }), true)
  assert.equal(isDumb({ TERM: 'xterm', CI: 'true' }), true)
  assert.equal(isDumb({ TERM: 'xterm', CI: '' }), false)
})

test('the strongest variable of the locale tells whether it is UTF-8', () => {
  const isUtf8 = (env: Record<string, string>): boolean => load({ env }).config.isLocaleUtf8
  assert.equal(isUtf8({}), false)
  assert.equal(isUtf8({ LANG: 'de_DE.UTF-8' }), true)
  assert.equal(isUtf8({ LANG: 'de_DE.utf8', LC_ALL: 'C' }), false)
  assert.equal(isUtf8({ LANG: 'C', LC_CTYPE: 'C.UTF-8', LC_ALL: '' }), true)
})
