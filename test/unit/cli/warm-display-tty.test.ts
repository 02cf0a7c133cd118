// A warm run on a terminal: the screens that people see of it, and what others find there.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualTerminal } from '../../support/virtual-terminal.ts'
import {
  endedOf,
  failureOf,
  HandMovedTime,
  inFlightOf,
  MIB,
  priceOf,
  progressOf,
  registryOf,
  reportOf,
  rowOf,
  shownOn,
} from '../../support/warm-shown.ts'

const THREE = [
  inFlightOf('docker.io/library/nginx:1.27', 0.25),
  inFlightOf('registry.k8s.io/ingress-nginx/kube-webhook-certgen-with-a-long-name:v1.4.1'),
  { reference: 'ghcr.io/acme/app:v3', doneBytes: 3 * MIB, totalBytes: undefined },
]
const BUSY = progressOf({
  inFlight: THREE,
  running: 3,
  failed: 2,
  quotas: [{ registry: 'docker.io', remaining: 57 }],
})
const WAITING = progressOf({
  ...BUSY,
  waitingFor: 'docker.io: too many requests, waiting 38 s as told',
})

const FOOTER_80 = [
  '12/37 images · 1.9 GiB of 6.4 GiB · 38 MiB/s · ETA 02:02 · 3 running · 2 failed',
  'docker.io 57 left',
]

function setting(columns: number, rows: number, more: Parameters<typeof shownOn>[2] = {}) {
  const terminal = new VirtualTerminal(columns, rows)
  const time = new HandMovedTime()
  return { terminal, time, display: shownOn(terminal, time, more) }
}

test('80 columns: images in flight above the footer, and what is done stays above them', async () => {
  const { terminal, time, display } = setting(80, 24)
  display.progress(progressOf({ phase: 'planning' }))
  for (let fresh = 0; fresh < 14; fresh += 1) display.row(rowOf({ status: 'fresh' }))
  const registries = [registryOf({ plannedPulls: 33, remainingBefore: 100, reserve: 20 })]
  display.row({ kind: 'price', price: priceOf({ registries, unknownSizes: 20 }) })
  display.row(rowOf({ bytesNew: 12.5 * MIB, bytesReused: 3 * MIB }))
  display.row({ kind: 'result', ...failureOf('docker.io/library/ngnix:1.25') })
  time.pass(600)
  display.progress(BUSY)
  assert.deepEqual(await terminal.screen(), [
    'fresh   14 images, whole and unchanged',
    'price   to fetch: 23 of 37 images; at most 33 pulls of docker.io, 20 sizes not',
    '        known yet',
    'warmed  docker.io/library/nginx:1.27  12.5 MiB new, 3 MiB reused',
    'failed  docker.io/library/ngnix:1.25: it does not exist',
    'nginx:1.27                        ████░░░░░░░░░░░░      17 MiB of 68 MiB   25 %',
    'registry.k8s.io…long-name:v1.4.1  ████████░░░░░░░░      34 MiB of 68 MiB   50 %',
    'ghcr.io/acme/app:v3                                                3 MiB',
    ...FOOTER_80,
  ])
})

test('at the end the block is gone, and the last words stand there, with the cursor below them', async () => {
  const { terminal, time, display } = setting(80, 24)
  time.pass(600)
  display.progress(BUSY)
  const totals = { references: 2, warmed: 1, failed: 1, bytesNew: MIB }
  const results = [failureOf('docker.io/library/ngnix:1.25')]
  display.end(endedOf(reportOf({ outcome: 'failures', totals, results }), '/d/warm-failed.txt'))
  const screen = [
    'warmed 1, failed 1 of 2 images in 41m (1 MiB new)',
    'failed  line 18  docker.io/library/ngnix:1.25: it does not exist',
    'try again with: regmirror warm /d/warm-failed.txt',
  ]
  assert.deepEqual(await terminal.screen(), screen)
  assert.deepEqual(await terminal.cursor(), { row: 3, column: 0 })
  assert.equal(terminal.listeners, 0)
  time.pass(60_000)
  assert.deepEqual(await terminal.screen(), screen)
  assert.equal(time.planned, 0)
})

test('20 columns and 5 rows: only the footer, what counts most, and what is waited for', async () => {
  const { terminal, time, display } = setting(20, 5)
  time.pass(600)
  display.progress(BUSY)
  assert.deepEqual(await terminal.screen(), ['12/37 images', '1.9 GiB of 6.4 GiB'])
  time.pass(200)
  display.progress(WAITING)
  assert.deepEqual(await terminal.screen(), ['12/37 images', 'docker.io: too man…'])
  assert.equal(await terminal.isAnyWrapped(), false)
})

test('a narrow terminal gives up the bar first, then the bytes', async () => {
  const { terminal, time, display } = setting(60, 12)
  time.pass(600)
  display.progress(BUSY)
  const [first, second] = await terminal.screen()
  assert.equal(first, 'nginx:1.27                          17 MiB of 68 MiB   25 %')
  assert.equal(second, 'registry.k8s.i…ong-name:v1.4.1      34 MiB of 68 MiB   50 %')
  await terminal.resize(45, 12)
  time.pass(100)
  assert.equal((await terminal.screen())[0], 'nginx:1.27                              25 %')
})

test('a terminal that does not tell its size (0) is taken for a common one', async () => {
  const { terminal, time } = setting(80, 24)
  const output = { isTTY: true, columns: 0, rows: 0, write: (text: string) => terminal.write(text) }
  const display = shownOn(output, time)
  display.row({ kind: 'notice', text: 'a sentence of several words' })
  time.pass(600)
  display.progress(BUSY)
  const screen = await terminal.screen()
  assert.equal(screen[0], 'note    a sentence of several words')
  assert.deepEqual(screen.slice(-2), FOOTER_80)
})

test('a new size is drawn for at once', async () => {
  const { terminal, time, display } = setting(80, 24)
  time.pass(600)
  display.progress(WAITING)
  for (const columns of [60, 30, 20, 60]) {
    await terminal.resize(columns, 24)
    const screen = await terminal.screen()
    assert.equal(await terminal.isAnyWrapped(), false)
    assert.equal(screen.filter((line) => line.includes('12/37')).length, 1, screen.join('\n'))
  }
})

test('the block never fills the screen: its first line would be left in the history', async () => {
  for (const rows of [1, 2, 3]) {
    const { terminal, time, display } = setting(60, rows)
    for (let shown = 0; shown < 3; shown += 1) {
      time.pass(600)
      display.progress(WAITING)
    }
    const everything = await terminal.everything()
    assert.equal(everything.length, Math.min(rows - 1, 2), everything.join('\n'))
  }
})

test('more images than there is room for are counted', async () => {
  const inFlight = Array.from({ length: 11 }, (_, at) => inFlightOf(`quay.io/a/b:${at}`))
  for (const [rows, named, more] of [
    [24, 7, '+4 more'],
    [10, 5, '+6 more'],
  ] as const) {
    const { terminal, time, display } = setting(80, rows)
    time.pass(600)
    display.progress(progressOf({ inFlight, running: 11 }))
    const screen = await terminal.screen()
    assert.equal(screen.filter((line) => line.startsWith('quay.io')).length, named)
    assert.equal(screen[named], more)
    assert.ok(screen.length < rows, 'the line behind the block stays on the screen')
  }
})

test('without UTF-8 there is nothing but ASCII', async () => {
  const { terminal, time, display } = setting(80, 24, { isUtf8: false })
  time.pass(600)
  display.progress(BUSY)
  const screen = await terminal.screen()
  assert.equal(
    screen[0],
    'nginx:1.27                        ####------------      17 MiB of 68 MiB   25 %',
  )
  assert.match(terminal.writes.join(''), /^[\x00-\x7f]*$/)
})

test('colour is taken away by NO_COLOR, the block is not', async () => {
  const colored = setting(80, 24, { hasColor: true })
  colored.display.row(rowOf())
  assert.match(colored.terminal.writes.join(''), /\u001b\[32mwarmed\u001b\[39m {2}docker/)
  const plain = setting(80, 24, { hasColor: false })
  plain.display.row(rowOf())
  plain.time.pass(600)
  plain.display.progress(BUSY)
  assert.doesNotMatch(plain.terminal.writes.join(''), /\u001b\[\d*m/)
  assert.ok((await plain.terminal.screen()).includes('docker.io 57 left'))
})

test('nothing is drawn before half a second, and then at most ten pictures a second', () => {
  const { terminal, time, display } = setting(80, 24)
  time.pass(499)
  display.progress(BUSY)
  assert.deepEqual(terminal.writes, [])
  for (let ms = 500; ms < 1500; ms += 10) {
    time.pass(10)
    display.progress(progressOf({ done: ms }))
    display.row(rowOf({ reference: `quay.io/a/b:${ms}` }))
  }
  assert.ok(
    terminal.writes.length >= 9 && terminal.writes.length <= 11,
    `${terminal.writes.length}`,
  )
})

test('others can write where the block was, and it comes back below', async () => {
  const { terminal, time, display } = setting(80, 24)
  time.pass(600)
  display.progress(BUSY)
  display.row(rowOf({ reference: 'quay.io/a/b:1' }))
  display.clear()
  terminal.write('regmirror: stopping in good order (again to stop at once)\n')
  time.pass(5000)
  const said = [
    'warmed  quay.io/a/b:1  0 B new',
    'regmirror: stopping in good order (again to stop at once)',
  ]
  assert.deepEqual(await terminal.screen(), said, 'not before there is something new')
  display.progress(progressOf({ phase: 'ending' }))
  assert.deepEqual(await terminal.screen(), [
    ...said,
    '12/37 images · 1.9 GiB of 6.4 GiB · 38 MiB/s',
    'ending in good order',
  ])
})

test('an echoed ^C moves nothing', async () => {
  const { terminal, time, display } = setting(80, 24)
  time.pass(600)
  display.progress(BUSY)
  terminal.write('^C')
  display.clear()
  assert.deepEqual(await terminal.screen(), [])
  assert.deepEqual(await terminal.cursor(), { row: 0, column: 0 })
})

test('what upstream and names are made of cannot command the terminal, nor wrap a line', async () => {
  const { terminal, time, display } = setting(40, 24)
  time.pass(600)
  display.row({ kind: 'notice', text: 'quay.io says \u001b[2J\u001b]0;owned\u0007\rno' })
  time.pass(200)
  const waitingFor = `${'等待'.repeat(30)}\u001b[5A`
  display.progress(progressOf({ ...BUSY, waitingFor }))
  const screen = await terminal.screen()
  assert.equal(screen[0], 'note    quay.io says  no')
  assert.equal(screen.at(-1), `${'?'.repeat(38)}…`)
  assert.equal(await terminal.isAnyWrapped(), false)
})

test('a terminal that is made narrower and wider again shows the block once', async () => {
  const { terminal, time, display } = setting(80, 24)
  display.row(rowOf({ reference: 'quay.io/a/b:1' }))
  time.pass(600)
  display.progress(BUSY)
  for (const [columns, rows] of [
    [45, 24],
    [30, 10],
    [20, 5],
    [80, 24],
  ] as const) {
    time.pass(200)
    await terminal.resize(columns, rows)
  }
  const screen = await terminal.screen()
  assert.deepEqual(screen.slice(-2), FOOTER_80)
  assert.equal(screen.filter((line) => line.includes('12/37')).length, 1)
  const everything = (await terminal.everything()).join('\n')
  assert.equal(everything.split('quay.io/a/b:1').length, 2)
})
