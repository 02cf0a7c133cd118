import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { openLog, type LogOptions } from '../../../src/lib/log.ts'

const plain: LogOptions = { format: 'text', level: 'info', color: true }

function opened(options: Partial<LogOptions> = {}, isTTY = false) {
  const lines: string[] = []
  const log = openLog({ ...plain, ...options }, { isTTY, write: (text) => lines.push(text) })
  return { log, lines }
}

suite('text', () => {
  test('is the sentence alone', () => {
    const { log, lines } = opened()
    log.info('pulled docker.io/library/nginx:1.27', { sizeBytes: 71_303_168 })
    assert.match(lines.join(''), /^\d\d:\d\d:\d\d pulled docker\.io\/library\/nginx:1\.27\n$/)
  })

  test('shows the fields to whoever asks for everything', () => {
    const { log, lines } = opened({ level: 'debug' })
    log.info('pulled docker.io/library/nginx:1.27', {
      sizeBytes: 71_303_168,
      tookMs: 1234,
      from: 'a b',
    })
    assert.match(
      lines.join(''),
      /^\d\d:\d\d:\d\d pulled docker\.io\/library\/nginx:1\.27 size=68 MiB took=1\.2s from="a b"\n$/,
    )
  })

  test('names warnings, errors and their reason', () => {
    const { log, lines } = opened()
    log.warn('slow')
    log.error('broken', { error: new Error('no route', { cause: new Error('wire') }) })
    assert.match(lines[0] ?? '', / warning: slow\n$/)
    assert.match(lines[1] ?? '', / error: broken error="no route: wire"\n$/)
  })

  test('no name of a client can start a line or steer the terminal', () => {
    const { log, lines } = opened()
    log.info('pulled x\n21:00:00 fake\u001b[2J', { agent: 'a\r\u009bb' })
    assert.equal(lines.join('').split('\n').length, 2)
    assert.doesNotMatch(lines.join('').trimEnd(), /[\u0000-\u001f\u0080-\u009f]/)
  })

  test('is coloured on a terminal only, and not when that is unwanted', () => {
    const colored = (options: Partial<LogOptions>, isTTY: boolean) => {
      const { log, lines } = opened(options, isTTY)
      log.warn('x')
      return lines.join('').includes('\u001b[')
    }
    assert.equal(colored({}, true), true)
    assert.equal(colored({}, false), false)
    assert.equal(colored({ color: false }, true), false)
  })
})

suite('json', () => {
  test('is one object a line with level, time and fields', () => {
    const { log, lines } = opened({ format: 'json' })
    log.info('pulled', { sizeBytes: 5 })
    const { time, ...rest } = JSON.parse(lines[0] ?? '') as Record<string, unknown>
    assert.deepEqual(rest, { level: 'info', sizeBytes: 5, msg: 'pulled' })
    assert.ok(!Number.isNaN(Date.parse(String(time))))
  })

  test('hides what must not be read', () => {
    const { log, lines } = opened({ format: 'json' })
    const headers = { authorization: 'hunter2', 'set-cookie': 'hunter2', accept: 'seen' }
    log.info('x', { token: 'hunter2', headers, request: { headers, password: 'hunter2' } })
    assert.doesNotMatch(lines.join(''), /hunter2/)
    assert.match(lines.join(''), /seen/)
  })
})

test('debug lines come only when asked for', () => {
  const quiet = opened()
  quiet.log.debug('x')
  assert.equal(quiet.lines.length, 0)
  const loud = opened({ level: 'debug' })
  loud.log.debug('x')
  assert.equal(loud.lines.length, 1)
})
