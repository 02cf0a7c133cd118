// What a long job shows while it runs: one line on a terminal, a line now and then in a pipe.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProgressLine, progressText } from '../../../src/cli/progress.ts'

const MIB = 1024 * 1024

function setting(isTTY: boolean, isDumb = false, columns = 30) {
  const written: string[] = []
  const clock = { ms: 0 }
  const output = {
    isTTY,
    columns,
    write: (text: string) => written.push(text) > 0,
  }
  const line = new ProgressLine(output, () => clock.ms, isDumb)
  const at = (ms: number, done: number): void => {
    clock.ms = ms
    line.show({ what: 'hashing', done: done * MIB, total: 100 * MIB, unit: 'bytes' })
  }
  return { line, written, at }
}

test('what is done, of how much', () => {
  const base = { what: 'removing', done: 3 } as const
  assert.equal(progressText({ ...base, total: undefined, unit: 'images' }), 'removing: 3 images')
  assert.equal(progressText({ ...base, total: 9, unit: 'blobs' }), 'removing: 3 of 9 blobs (33 %)')
  assert.equal(
    progressText({ what: 'hashing', done: 5 * MIB, total: 10 * MIB, unit: 'bytes' }),
    'hashing: 5 MiB of 10 MiB (50 %)',
  )
})

test('a terminal that does not tell its width (0) shows the line', () => {
  const { written, at } = setting(true, false, 0)
  at(500, 2)
  assert.deepEqual(written, ['hashing: 2 MiB of 100 MiB (2 %)'])
})

test('a terminal has one line, written over, no longer than it is wide', () => {
  const { line, written, at } = setting(true)
  at(499, 1)
  assert.equal(written.length, 0, 'what is done at once shows nothing')
  at(500, 2)
  at(550, 3)
  at(600, 4)
  const shown = written.filter((text) => text.startsWith('hashing'))
  assert.deepEqual(shown, ['hashing: 2 MiB of 100 MiB (2 ', 'hashing: 4 MiB of 100 MiB (4 '])
  assert.ok(!written.join('').includes('\n'))
  line.clear()
  assert.match(written.at(-1) ?? '', /^\u001b\[2K$/)
})

for (const [where, isTTY, isDumb] of [
  ['a pipe', false, false],
  ['a dumb terminal', true, true],
] as const) {
  test(`${where} gets whole lines every 10 s, without escapes`, () => {
    const { line, written, at } = setting(isTTY, isDumb)
    for (let ms = 0; ms <= 25_000; ms += 100) at(ms, ms / 1000)
    line.clear()
    assert.deepEqual(written, [
      'hashing: 10 MiB of 100 MiB (10 %)\n',
      'hashing: 20 MiB of 100 MiB (20 %)\n',
    ])
  })
}
