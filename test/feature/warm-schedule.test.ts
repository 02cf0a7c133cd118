// A server that warms a list by itself, under a clock that the test moves: its times and windows, what it
// makes of an edited list, what it catches up, and one image on demand beside it.
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import type { ImageRow } from '../../src/care/jobs.ts'
import { LOOK_EVERY_MS } from '../../src/lib/wall-clock.ts'
import { askOwner, findOwner } from '../../src/owner/client.ts'
import type { Index } from '../../src/store/index-port.ts'
import { openStore } from '../../src/store/store.ts'
import { begunRowOf } from '../../src/warm/last-runs.ts'
import { OWN_CLOCK } from '../support/clock.ts'
import { buildImage } from '../support/images.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { TempFolder } from '../support/temp-folder.ts'
import { Setting } from '../support/test-mirror.ts'
import { waitUntil } from '../support/wait-until.ts'
import { warm, warmAsk } from '../support/warm-run.ts'

// Clocks go forward on 2026-03-29 at 02:00, and back on 2026-10-25 at 03:00.
process.env['TZ'] = 'Europe/Berlin'

const app = buildImage({ seed: 'app', form: 'oci', architectures: ['amd64'] })
const web = buildImage({ seed: 'web', form: 'oci', architectures: ['amd64'] })
// Some of its layers are in other images too.
const [own = ''] = [...app.blobs.keys()].filter((digest) => !web.blobs.has(digest))
const STALLED = { method: 'GET', path: own, reply: { stall: { after: 10 } }, times: 1 } as const

interface Begin {
  readonly list: string
  readonly at?: string
  readonly begin?: string
}

/** Local times, of a server on whose upstream there are `app:1` and `web:1`. */
class Night implements AsyncDisposable {
  readonly setting: Setting
  readonly clock: Clock
  readonly file: string
  readonly #temp: TempFolder

  private constructor(setting: Setting, clock: Clock, temp: TempFolder, file: string) {
    this.setting = setting
    this.clock = clock
    this.file = file
    this.#temp = temp
  }

  static async start({ list, at, begin = '2026-11-22 12:00' }: Begin): Promise<Night> {
    const temp = new TempFolder('schedule')
    const file = temp.join('mirror.txt')
    writeFileSync(file, list)
    const clock = new Clock(timeOf(begin))
    const setting = await Setting.start({ warm: { file, at } }, clock)
    setting.upstream.addImage('library/app', '1', app)
    setting.upstream.addImage('library/web', '1', web)
    return new Night(setting, clock, temp, file)
  }

  write(list: string): void {
    writeFileSync(this.file, list)
  }

  /** The schedule has looked at the clock and at the list, and sleeps again. */
  async to(time: string): Promise<void> {
    const lastLook = timeOf(time) - LOOK_EVERY_MS
    if (lastLook > this.clock.now()) this.clock.set(lastLook)
    await this.clock.passed(timeOf(time) - this.clock.now())
  }

  /** The machine sleeps until then, or its clock is set: it is noticed at the next look. */
  async jump(time: string): Promise<void> {
    this.clock.set(timeOf(time))
    await this.clock.passed(LOOK_EVERY_MS)
  }

  async ended(count: number): Promise<void> {
    await this.setting.mirror.logged(/^warming .* has ended/, count)
  }

  /** What the log says of the list from here on is what matches. */
  said(pattern: RegExp): string[] {
    const texts = this.setting.mirror.lines.map(({ message }) => message.replace(this.file, 'LIST'))
    return texts.filter((text) => pattern.test(text))
  }

  asked(): string[] {
    return this.setting.asked().toSorted()
  }

  async close(): Promise<void> {
    await this.setting.close()
    await this.#temp.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

class Clock extends ManualClock {
  #sleptAt = 0

  override sleep(ms: number, signal: AbortSignal): Promise<void> {
    this.#sleptAt = this.now()
    return super.sleep(ms, signal)
  }

  async passed(ms: number): Promise<void> {
    const end = this.now() + ms
    await this.pass(ms)
    await waitUntil(() => this.#sleptAt === end, { what: 'the next look', everyMs: 1 })
  }
}

/** As another owner does, while no server runs. */
async function changeIndex(night: Night, change: (index: Index) => Promise<void>): Promise<void> {
  const store = await openStore(night.setting.mirror.folder, 1)
  await change(store.index)
  await store.close()
}

function timeOf(text: string): number {
  return Date.parse(text.replace(' ', 'T'))
}

async function stalled({ upstream }: Setting): Promise<void> {
  const isThere = () => upstream.log.find({ path: own }).length > 0
  await waitUntil(isThere, { what: 'a download under way', everyMs: 1 })
}

const FRESH = ['HEAD library/app/manifests/1']
const WHOLE_APP = 1 + 1 + 1 + app.blobs.size

suite('a list is warmed by itself', OWN_CLOCK, () => {
  test('at its time and not before, every day, and only what is new is fetched', async () => {
    await using night = await Night.start({ list: 'app:1\n' })
    assert.deepEqual(night.said(/never warmed/), [
      `LIST was never warmed: that begins at 2026-11-23 01:30; to begin at once: regmirror warm --data ${night.setting.mirror.folder} ${night.file}`,
    ])
    await night.to('2026-11-23 01:29:59')
    assert.deepEqual(night.asked(), [])
    await night.to('2026-11-23 01:30')
    await night.ended(1)
    assert.equal(night.asked().length, WHOLE_APP - 1)
    await night.setting.mirror.logged(/will be warmed next/)
    assert.deepEqual(night.said(/will be warmed/), ['LIST will be warmed next at 2026-11-24 01:30'])
    await night.to('2026-11-24 01:30')
    await night.ended(2)
    assert.deepEqual(night.asked(), FRESH)
  })

  test('when it was said on the command line, in the hours of its windows', async () => {
    const list = '@window 01:00-06:00\napp:1\n'
    await using night = await Night.start({ list, at: '0 12 * * *', begin: '2026-11-22 11:00' })
    await night.to('2026-11-22 12:00')
    assert.deepEqual(night.said(/is due/), [
      'LIST is due and waits for its window: next at 2026-11-23 01:00',
    ])
    await night.to('2026-11-23 00:59:30')
    assert.deepEqual(night.asked(), [])
    await night.to('2026-11-23 01:00')
    await night.ended(1)
    assert.equal(night.said(/1 warmed/).length, 1)
  })

  test('until its window ends; the rest is for the next one', async () => {
    await using night = await Night.start({ list: '@window 01:00-06:00\napp:1\n' })
    const { upstream } = night.setting
    upstream.script(STALLED)
    await night.to('2026-11-23 01:00')
    await stalled(night.setting)
    await night.to('2026-11-23 06:00')
    await night.ended(1)
    assert.equal(night.said(/0 warmed, 0 fresh, 0 failed, 1 left of 1 images/).length, 1)
    await night.to('2026-11-24 01:00')
    await night.ended(2)
    assert.equal(night.said(/1 warmed, 0 fresh, 0 failed, 0 left/).length, 1)
  })

  test('once at a time: what is due while the run before goes on is passed over', async () => {
    await using night = await Night.start({ list: 'app:1\n', at: '0 * * * *' })
    night.setting.upstream.script(STALLED)
    await night.to('2026-11-22 13:00')
    await stalled(night.setting)
    await night.to('2026-11-22 14:00')
    await night.to('2026-11-22 14:01')
    await night.to('2026-11-22 15:00')
    assert.deepEqual(night.said(/passed over/), [
      'LIST is due, and its run before still goes on: passed over, next at 2026-11-22 15:00',
    ])
    night.setting.upstream.release()
    await night.ended(1)
    await night.to('2026-11-22 16:00')
    await night.ended(2)
    assert.equal(night.said(/^warming LIST$/).length, 2)
  })

  test('on the day on which the clock leaves its time out, and once where that comes twice', async () => {
    const list = '@window 02:30-04:00\napp:1\n'
    await using spring = await Night.start({ list, begin: '2026-03-28 12:00' })
    await spring.to('2026-03-29 03:00')
    await spring.ended(1)
    await spring.setting.mirror.logged(/will be warmed next/)
    assert.deepEqual(spring.said(/will be warmed/), [
      'LIST will be warmed next at 2026-03-30 02:30',
    ])
    await using autumn = await Night.start({
      list: 'app:1\n',
      at: '30 2 * * *',
      begin: '2026-10-24 12:00',
    })
    await autumn.to('2026-10-25T02:30+02:00')
    await autumn.ended(1)
    await autumn.to('2026-10-25T02:30+01:00')
    await autumn.to('2026-10-25 12:00')
    assert.equal(autumn.said(/^warming LIST$/).length, 1)
    assert.deepEqual(autumn.said(/will be warmed/), [
      'LIST will be warmed next at 2026-10-26 02:30',
    ])
  })

  test('late and once where the machine slept, and not again where the clock is set back', async () => {
    await using night = await Night.start({ list: 'app:1\n' })
    await night.jump('2026-11-25 09:00')
    await night.ended(1)
    await night.jump('2026-11-25 01:20')
    await night.to('2026-11-25 02:00')
    await night.to('2026-11-25 12:00')
    assert.equal(night.said(/^warming LIST$/).length, 1)
  })

  test('and who asks for it by hand meanwhile follows that run', async () => {
    await using night = await Night.start({ list: '@window 01:00-06:00\napp:1\n' })
    night.setting.upstream.script(STALLED)
    await night.to('2026-11-23 01:00')
    await stalled(night.setting)
    const source = { name: 'mirror.txt', path: night.file, text: '@window 01:00-06:00\napp:1\n' }
    const following = warm(
      night.setting.mirror,
      [],
      { sources: [source] },
      {
        row: () => night.setting.upstream.release(),
      },
    )
    const { notices, report } = await following
    assert.match(notices[0] ?? '', /^this list is being warmed already .*: following it$/)
    assert.deepEqual([report.isScheduled, report.totals.warmed], [true, 1])
  })
})

suite('an edited list', OWN_CLOCK, () => {
  test('is read again, and warmed as it is then', async () => {
    await using night = await Night.start({ list: 'app:1\n' })
    night.write('@window 03:00-05:00\napp:1\nweb:1\n')
    await night.to('2026-11-22 12:01')
    assert.deepEqual(night.said(/read again/), [
      'LIST was read again: 2 lines, next at 2026-11-23 03:00',
    ])
    await night.to('2026-11-23 03:00')
    await night.ended(1)
    assert.equal(night.said(/2 warmed/).length, 1)
  })

  test('is looked at just before a run, with what it includes', async () => {
    await using night = await Night.start({ list: 'app:1\n' })
    night.write('app:1\n@include more.txt\n')
    writeFileSync(night.file.replace('mirror.txt', 'more.txt'), 'web:1\n')
    await night.to('2026-11-23 01:30')
    await night.ended(1)
    assert.equal(night.said(/2 warmed/).length, 1)
    writeFileSync(night.file.replace('mirror.txt', 'more.txt'), '# nothing any more\n')
    await night.to('2026-11-23 01:31')
    assert.match(night.said(/read again/).at(-1) ?? '', /: 1 line, next at 2026-11-24 01:30$/)
  })

  test('that is wrong, or gone, changes nothing, and that is said once', async () => {
    await using night = await Night.start({ list: 'app:1\n' })
    const wrong = /cannot be used|LIST:|no file|no image/
    night.write('app:1\nnot an image\nweb^1\n')
    await night.to('2026-11-22 12:01')
    const said = night.said(wrong)
    assert.equal(said[0], 'LIST cannot be used as it is now, and what it said before counts on:')
    assert.ok(
      said.some((text) => text.startsWith('LIST:2:')) &&
        said.some((text) => text.startsWith('LIST:3:')),
    )
    await night.to('2026-11-22 12:05')
    assert.equal(night.said(wrong).length, said.length)
    rmSync(night.file)
    await night.to('2026-11-22 12:10')
    assert.match(night.said(wrong).at(-1) ?? '', /^there is no file/)
    await night.to('2026-11-23 01:30')
    await night.ended(1)
    assert.equal(night.said(/1 warmed/).length, 1)
    assert.equal(night.said(wrong).length, said.length + 2)
    night.write('app:1\n')
    await night.to('2026-11-23 01:31')
    assert.match(night.said(/read again/).join(), /: 1 line, next at 2026-11-24 01:30$/)
  })
})

suite('a server that starts again', OWN_CLOCK, () => {
  test('catches up once what was missed', async () => {
    await using night = await Night.start({ list: 'app:1\n' })
    await night.to('2026-11-23 01:30')
    await night.ended(1)
    await night.setting.mirror.stop()
    night.clock.set(timeOf('2026-11-23 20:00'))
    await night.setting.mirror.restart()
    assert.deepEqual(night.said(/was due/), [])
    await night.setting.mirror.stop()
    night.clock.set(timeOf('2026-11-26 09:00'))
    night.asked()
    await night.setting.mirror.restart()
    assert.deepEqual(night.said(/was due/), [
      'LIST was due and was not warmed, or not to its end: it begins now',
    ])
    await night.ended(2)
    await night.to('2026-11-26 23:00')
    assert.deepEqual(night.asked(), FRESH)
  })

  test('goes on with what its stop had cut off', async () => {
    await using night = await Night.start({ list: 'app:1\n' })
    night.setting.upstream.script(STALLED)
    await night.to('2026-11-23 01:30')
    await stalled(night.setting)
    await night.setting.mirror.restart()
    await night.ended(2)
    assert.deepEqual(
      night.said(/^warming .* has ended/).map((text) => /: (\d warmed, .* left)/.exec(text)?.[1]),
      ['0 warmed, 0 fresh, 0 failed, 1 left', '1 warmed, 0 fresh, 0 failed, 0 left'],
    )
  })

  test('waits with what it catches up until a window opens', async () => {
    await using night = await Night.start({ list: '@window 01:00-06:00\napp:1\n' })
    await night.to('2026-11-23 01:00')
    await night.ended(1)
    await night.setting.mirror.stop()
    night.clock.set(timeOf('2026-11-25 12:00'))
    await night.setting.mirror.restart()
    assert.match(night.said(/was due/).join(), /: it begins at 2026-11-26 01:00$/)
    await night.to('2026-11-26 01:00')
    await night.ended(2)
  })

  test('serves with a list that is wrong, says every problem, and warms once it is right', async () => {
    await using night = await Night.start({ list: 'app:1\n' })
    await night.to('2026-11-23 01:30')
    await night.ended(1)
    await night.setting.mirror.stop()
    night.write('not an image\nweb^1\n')
    night.clock.set(timeOf('2026-11-24 00:00'))
    const before = night.said(/./).length
    await night.setting.mirror.restart()
    const wrong = () => night.said(/cannot be used|LIST:/).length
    const said = night.said(/./).slice(before)
    assert.ok(said.includes('LIST cannot be used, and nothing is warmed until it is right:'))
    assert.ok(said.some((text) => text.startsWith('LIST:1:')))
    assert.ok(said.some((text) => text.startsWith('LIST:2:')))
    const told = wrong()
    night.asked()
    assert.equal((await night.setting.mirror.get('/v2/library/web/manifests/1')).status, 200)
    await night.to('2026-11-24 02:00')
    assert.equal(wrong(), told)
    assert.equal(night.said(/^warming LIST$/).length, 1)
    night.write('app:1\n')
    await night.to('2026-11-24 09:00')
    await night.ended(2)
    assert.match(night.said(/read again/).join(), /: 1 line, next at 2026-11-24 09:00$/)
    await night.setting.mirror.logged(/will be warmed next at 2026-11-25 01:30$/)
  })

  test('goes on with what its death had cut off, also of the first run, and where much was typed', async () => {
    await using night = await Night.start({ list: 'app:1\n' })
    await night.setting.mirror.stop()
    await changeIndex(night, async (index) => {
      const source = { name: 'mirror.txt', path: night.file, text: 'app:1\n' }
      const ask = warmAsk([], { sources: [source], isScheduled: true })
      const begun = begunRowOf(ask, 'killed', night.clock.now())
      await index.beginWarmRun(begun)
      const typed = { ...begun, lists: ['command line'], results: '[]' }
      for (let n = 0; n < 100; n += 1) await index.recordWarmRun(typed)
    })
    await night.setting.mirror.restart()
    await night.ended(1)
    assert.match(night.said(/was due/).join(), /or not to its end: it begins now$/)
  })
})

suite('one image on demand', () => {
  const list = ['app:1', 'web:1']
  const typed = (text: string) => ({ sources: [{ name: 'command line', text }] })

  test('comes at once while a list is warmed, and takes nothing from it', async () => {
    await using setting = await Setting.start()
    const { mirror, upstream } = setting
    upstream.addImage('library/app', '1', app)
    upstream.addImage('library/web', '1', web)
    upstream.addImage('library/now', '1', buildImage({ seed: 'now', form: 'oci' }))
    upstream.script(STALLED)
    const running = warm(mirror, list, { bytesPerSecond: 50_000_000 })
    await stalled(setting)
    const one = await warm(mirror, [], typed('now:1'))
    assert.deepEqual([one.report.outcome, one.notices], ['done', []])
    const pinned = await pinsOf(mirror.folder)
    assert.match(pinned.get('library/app') ?? '', /warm \(running\)/)
    assert.doesNotMatch(pinned.get('library/now') ?? '', /warm \(running\)/)
    // What the list is fetching is waited for, and not fetched twice.
    const same = warm(mirror, [], typed('app:1'))
    await waitUntil(() => upstream.log.find({ method: 'HEAD', path: 'app/' }).length === 2, {
      ...{ what: 'the second HEAD', everyMs: 1 },
    })
    upstream.release()
    assert.equal((await same).report.outcome, 'done')
    assert.equal((await running).report.totals.failed, 0)
    for (const digest of app.blobs.keys()) {
      assert.equal(upstream.log.find({ method: 'GET', path: digest }).length, 1, digest)
    }
  })
})

async function pinsOf(folder: string): Promise<ReadonlyMap<string, string>> {
  const owner = await findOwner(folder)
  assert.ok(owner)
  const rows: ImageRow[] = []
  await askOwner(
    owner,
    'ls',
    { prefix: undefined },
    {
      signal: new AbortController().signal,
      progress: () => {},
      rows: (batch) => void rows.push(...batch),
    },
  )
  return new Map(rows.map(({ repository, pinnedBy }) => [repository, pinnedBy.join(', ')]))
}
