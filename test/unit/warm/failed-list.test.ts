import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseList } from '../../../src/list/parse-list.ts'
import { failedList } from '../../../src/warm/failed-list.ts'

function result(reference: string, lines: readonly number[], because = 'gone', source = 'a.txt') {
  const places = lines.map((line) => ({ source, line }))
  return { reference, places, status: 'failed', because } as const
}

test('the failing lines stand there as they were written, each behind its place and reason', () => {
  const text = '\uFEFF# mine\r\nnginx:1.25   platforms=all # why\r\n\r\nredis:7.*\r\nok:1\r\n'
  const sources = [
    { name: 'a.txt', text },
    { name: 'command line', text: 'x:1\nnginx:1.25\n' },
  ]
  const list = failedList(sources, [
    result('docker.io/library/nginx:1.25', [2], '401 Unauthorized'),
    result('docker.io/library/redis:7.0', [4]),
    { ...result('docker.io/library/redis:7.1', [4]), status: 'left', because: 'time\nis\u001b up' },
    { ...result('docker.io/library/ok:1', [5]), status: 'warmed' },
    result('docker.io/library/x:1', [1], 'gone', 'command line'),
  ])
  assert.equal(
    list,
    [
      '# a.txt:2: 401 Unauthorized',
      'nginx:1.25   platforms=all # why',
      '# a.txt:4: docker.io/library/redis:7.0: gone',
      '# a.txt:4: docker.io/library/redis:7.1: time is up',
      'redis:7.*',
      '# command line:1: gone',
      'x:1',
      '',
    ].join('\n'),
  )
})

test('a pattern whose many tags fail is one line', () => {
  const results = Array.from({ length: 10 }, (_, n) => result(`docker.io/library/a:${n}`, [1]))
  const list = failedList([{ name: 'a.txt', text: 'a:*' }], results)
  assert.equal(list?.split('\n').filter((line) => line === 'a:*').length, 1)
  assert.match(list, /and 7 more/)
})

test('what fails again is told by the line where it stood first', () => {
  const first = failedList(
    [{ name: 'a.txt', text: 'ok:1\nx:1\n\ny:1,2\n' }],
    [result('docker.io/library/x:1', [2], 'gone'), ...[1, 2].map((n) => result(`y:${n}`, [4]))],
  )
  const name = '/data/warm-failed.txt'
  const again = failedList(
    [{ name, text: first ?? '' }],
    [result('x', [2], 'denied', name), result('y', [5], 'denied', name)],
  )
  assert.equal(again, '# a.txt:2: denied\nx:1\n# a.txt:4: denied\ny:1,2\n')
})

test('nothing failed: no list', () => {
  const fresh = { ...result('docker.io/library/a:1', [1]), status: 'fresh' } as const
  assert.equal(failedList([{ name: 'a.txt', text: 'a:1' }], [fresh]), undefined)
})

test('it is a list again, of exactly the failing lines, whatever the reasons say', () => {
  const LINES = [
    'a:1',
    'ghcr.io/x/y:^v1',
    '',
    '# c',
    'b@sha256:' + 'a'.repeat(64),
    'c:1,2 optional',
  ]
  const lines = fc.array(fc.constantFrom(...LINES), { maxLength: 12 })
  fc.assert(
    fc.property(lines, fc.string({ unit: 'binary' }), fc.nat(), (all, because, seed) => {
      const text = all.join('\n')
      const source = { name: 'a.txt', text }
      const { entries } = parseList(source)
      const failing = entries.filter((_, n) => (seed >> (n % 30)) % 2 === 1)
      const list = failedList(
        [source],
        failing.map(({ name, place }) => result(name, [place.line], because)),
      )
      const again = parseList({ name: 'failed', text: list ?? '' })
      assert.deepEqual(again.problems, [])
      assert.deepEqual(
        again.entries.map((entry) => entry.text),
        failing.map((entry) => entry.text),
      )
    }),
  )
})

test('what is left for the budget is not in it: a run of it would leave it too, or keep it for nobody', () => {
  const places = [{ source: 'a.txt', line: 1 }]
  const left = { reference: 'a:1', places, status: 'left', because: 'too much' } as const
  const sources = [{ name: 'a.txt', text: 'a:1\n' }]
  assert.equal(failedList(sources, [{ ...left, cause: 'budget' }]), undefined)
  assert.match(failedList(sources, [{ ...left, cause: 'until' }]) ?? '', /^a:1$/m)
})
