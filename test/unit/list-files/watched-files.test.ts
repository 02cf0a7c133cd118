import assert from 'node:assert/strict'
import fsPromises from 'node:fs/promises'
import { renameSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ListText } from '../../../src/list/list-entry.ts'
import { WatchedFiles } from '../../../src/list-files/watched-files.ts'
import { TempFolder } from '../../support/temp-folder.ts'

function allText({ text, includes = [] }: ListText): string {
  return [text, ...includes.map(({ list }) => allText(list))].join('')
}

class Watched implements AsyncDisposable {
  readonly #temp = new TempFolder('watched-files')
  readonly file = this.#temp.join('mirror.txt')

  write(name: string, ...lines: readonly string[]): void {
    // Always another file, however soon after the last one.
    writeFileSync(this.#temp.join('new'), `${lines.join('\n')}\n`)
    renameSync(this.#temp.join('new'), this.#temp.join(name))
  }

  open(): WatchedFiles<string> {
    return new WatchedFiles([this.file], function* ([list]) {
      return { right: list && allText(list), problems: [] }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#temp.close()
  }
}

const NO_EVENTS = { changed: () => undefined, broken: () => undefined }

// Before and after the state of each file is asked for.
function atMoments(t: TestContext, act: () => void): void {
  const stat = fsPromises.stat.bind(fsPromises)
  t.mock.method(fsPromises, 'stat', async (path: string) => {
    act()
    const found = await stat(path)
    act()
    return found
  })
  syncBuiltinESMExports()
  t.after(() => {
    t.mock.restoreAll()
    syncBuiltinESMExports()
  })
}

test('whenever in a look a file is edited, the next looks find it', async (t) => {
  let moments = 0
  let act = (): void => undefined
  atMoments(t, () => act())
  for (let moment = 1; moment === 1 || moments >= moment; moment += 1) {
    await using watched = new Watched()
    watched.write('mirror.txt', 'app', '@include more.txt')
    watched.write('more.txt', 'web')
    const files = watched.open()
    await files.look(NO_EVENTS)
    watched.write('other.txt', 'db')
    watched.write('mirror.txt', 'app', '@include more.txt', '@include other.txt')
    moments = 0
    act = () => {
      moments += 1
      if (moments === moment) watched.write('other.txt', 'new')
    }
    await files.look(NO_EVENTS)
    act = () => undefined
    if (moments < moment) break
    await files.look(NO_EVENTS)
    await files.look(NO_EVENTS)
    assert.match(files.current, /\bnew\b/, `moment ${moment}`)
  }
  assert.ok(moments >= 8, `${moments}`)
})

test('what is read while somebody writes is not taken for what they write', async (t) => {
  await using watched = new Watched()
  watched.write('mirror.txt', 'app')
  const files = watched.open()
  await files.look(NO_EVENTS)
  const told: string[] = []
  const look = (): Promise<void> =>
    files.look({ ...NO_EVENTS, changed: (text) => void told.push(text) })
  watched.write('mirror.txt', 'half')
  let moments = 0
  atMoments(t, () => {
    moments += 1
    // Read, and its state not asked for once more.
    if (moments === 3) watched.write('mirror.txt', 'half', 'and all')
  })
  await look()
  assert.deepEqual(told, [])
  await look()
  assert.deepEqual(told, ['half\nand all\n'])
})

test('what takes long to understand is understood in turns with all else', async () => {
  await using watched = new Watched()
  watched.write('mirror.txt', 'app')
  const allElse = { isDone: false }
  const files = new WatchedFiles([watched.file], function* ([list]) {
    setImmediate(() => (allElse.isDone = true))
    for (let steps = 0; steps < 1_000_000 && !allElse.isDone; steps += 1) yield
    return { right: list?.text, problems: [] }
  })
  // What the first time left behind is not to count.
  await nextTurn()
  allElse.isDone = false
  watched.write('mirror.txt', 'web')
  let wasElseDone: boolean | undefined
  await files.look({ ...NO_EVENTS, changed: () => (wasElseDone = allElse.isDone) })
  assert.deepEqual([wasElseDone, files.current], [true, 'web\n'])
})
