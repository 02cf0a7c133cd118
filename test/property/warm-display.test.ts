// What a warm run draws on a terminal, in any order and any size: nothing is lost, garbled or left behind.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { WarmProgress } from '../../src/care/warm-job.ts'
import { campaign, seed } from '../support/seed.ts'
import { VirtualTerminal } from '../support/virtual-terminal.ts'
import { endedOf, HandMovedTime, progressOf, reportOf, shownOn } from '../support/warm-shown.ts'

interface Size {
  readonly columns: number
  readonly rows: number
}

type Happening =
  | { readonly is: 'row' }
  | { readonly is: 'progress'; readonly progress: WarmProgress }
  | { readonly is: 'resize'; readonly size: Size }
  | { readonly is: 'others' }
  | { readonly is: 'time'; readonly ms: number }

function sizes(columnsMin: number, rowsMin: number): fc.Arbitrary<Size> {
  const columns = fc.integer({ min: columnsMin, max: 120 })
  return fc.record({ columns, rows: fc.integer({ min: rowsMin, max: 40 }) })
}

const progress = fc
  .record({
    running: fc.integer({ min: 0, max: 20 }),
    bytes: fc.integer({ min: 0, max: 2 ** 40 }),
    isWaiting: fc.boolean(),
  })
  .map(({ running, bytes, isWaiting }) => {
    const inFlight = Array.from({ length: Math.min(16, running) }, (_, at) => ({
      reference: `quay.io/${'a'.repeat(3 * at)}/b:${at}`,
      doneBytes: bytes / 2,
      totalBytes: at % 3 === 0 ? undefined : bytes,
    }))
    const waitingFor = isWaiting ? 'waiting '.repeat(10) : undefined
    return progressOf({ inFlight, running, bytesTotal: bytes, waitingFor })
  })

function happenings(size: fc.Arbitrary<Size>): fc.Arbitrary<readonly Happening[]> {
  const is = <Is extends Happening['is']>(kind: Is): fc.Arbitrary<Is> => fc.constant(kind)
  const ms = fc.integer({ min: 1, max: 400 })
  const one: fc.Arbitrary<Happening> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ is: is('row') }) },
    { weight: 6, arbitrary: fc.record({ is: is('progress'), progress }) },
    { weight: 2, arbitrary: fc.record({ is: is('resize'), size }) },
    { weight: 1, arbitrary: fc.record({ is: is('others') }) },
    { weight: 6, arbitrary: fc.record({ is: is('time'), ms }) },
  )
  return fc.array(one, { maxLength: 60 })
}

function setting({ columns, rows }: Size) {
  const terminal = new VirtualTerminal(columns, rows)
  const time = new HandMovedTime()
  const display = shownOn(terminal, time)
  time.pass(600) // from then on there is a block
  return { terminal, time, display }
}

// `next`: what the next line that stays says.
async function happen(
  { terminal, time, display }: ReturnType<typeof setting>,
  each: Happening,
  next: () => string,
): Promise<void> {
  switch (each.is) {
    case 'time':
      return time.pass(each.ms)
    case 'row':
      return display.row({ kind: 'notice', text: next() })
    case 'progress':
      return display.progress(each.progress)
    case 'resize':
      return await terminal.resize(each.size.columns, each.size.rows)
    case 'others':
      display.clear()
      return terminal.write(`${next()}\n`)
  }
}

test('each line that stays is there once and in order', async () => {
  const any = sizes(20, 5)
  await fc.assert(
    fc.asyncProperty(any, happenings(any), async (size, all) => {
      const shown = setting(size)
      let said = 0
      const next = (): string => `#${(said += 1)}.`
      for (const each of all) await happen(shown, each, next)
      shown.display.end(endedOf(reportOf()))
      const stayed = (await shown.terminal.everything()).join('\n').match(/#\d+\./g) ?? []
      const expected = Array.from({ length: said }, (_, at) => `#${at + 1}.`)
      assert.deepEqual(stayed, expected)
    }),
    { seed, numRuns: campaign(150) },
  )
})

test('nothing of the block is left behind, also where the terminal has wrapped it', async () => {
  // So large that the block, even wrapped, never leaves the screen.
  const large = sizes(60, 24)
  await fc.assert(
    fc.asyncProperty(large, happenings(large), async (size, all) => {
      const shown = setting(size)
      for (const each of all) await happen(shown, each, () => 'stays')
      shown.display.clear()
      const left = (await shown.terminal.everything()).filter((line) => !line.endsWith('stays'))
      assert.deepEqual(left, [])
    }),
    { seed, numRuns: campaign(100) },
  )
})

test('no line of the block wraps, and it leaves room for what was said before', async () => {
  await fc.assert(
    fc.asyncProperty(sizes(20, 5), fc.array(progress, { maxLength: 10 }), async (size, all) => {
      const { terminal, time, display } = setting(size)
      for (const each of all) {
        time.pass(600)
        display.progress(each)
        assert.equal(await terminal.isAnyWrapped(), false)
        assert.ok((await terminal.screen()).length <= size.rows - 2)
      }
    }),
    { seed, numRuns: campaign(50) },
  )
})
