// One run at a time: who asks for the same list follows it, others wait for their turn, and whoever began
// a run stops it by going.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Jobs } from '../../../src/care/jobs.ts'
import type {
  WarmAnswer,
  WarmAsk,
  WarmProgress,
  WarmReport,
  WarmRow,
} from '../../../src/care/warm-job.ts'
import { LOOKS_MAX, ON_DEMAND_QUEUE_MAX, WARM_QUEUE_MAX, WarmDesk } from '../../../src/warm/desk.ts'
import type { WarmTalk } from '../../../src/warm/followed-run.ts'
import { ON_DEMAND_IMAGES_MAX } from '../../../src/warm/same-ask.ts'
import { notBegun } from '../../../src/warm/waiting.ts'

const STARTED_AT = new Date(2026, 10, 22, 1, 30).getTime()

interface Running {
  readonly ask: WarmAsk
  readonly talk: WarmTalk
  end(outcome?: WarmReport['outcome']): void
  fail(error: Error): void
}

/** A run that does what the test says, and ends as interrupted when it is stopped. */
class ScriptedRuns {
  readonly begun: Running[] = []
  readonly log: string[] = []
  stopsAtOnce = true
  readonly desk: WarmDesk

  constructor(isServer = true) {
    let lastId = 0
    this.desk = new WarmDesk({
      run: (ask, talk) => this.#run(ask, talk),
      isServer,
      events: {
        begun: (ask) => this.log.push(`begun ${ask.sources[0]?.name}`),
        ended: (_, { outcome }) => this.log.push(`ended ${outcome}`),
        failed: (_ask, error) => this.log.push(`failed ${(error as Error).message}`),
      },
      newId: () => String(++lastId),
      now: () => STARTED_AT,
    })
  }

  async #run(ask: WarmAsk, talk: WarmTalk): Promise<WarmAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<WarmAnswer>()
    const end = (outcome: WarmReport['outcome'] = 'done'): void => resolve(ended(outcome))
    this.begun.push({ ask, talk, end, fail: reject })
    talk.signal.addEventListener('abort', () => {
      if (this.stopsAtOnce) end('interrupted')
    })
    return await promise
  }

  get running(): Running {
    const last = this.begun.at(-1)
    assert.ok(last)
    return last
  }

  /** Somebody asks. */
  ask(asked: Partial<WarmAsk> = {}): Asker {
    return new Asker(this.desk.warm, { ...ASK, ...asked })
  }

  /** The command that owns the store asks. */
  askAsOwner(asked: Partial<WarmAsk> = {}): Asker {
    return new Asker(this.desk.warmForOwner, { ...ASK, ...asked })
  }
}

class Asker {
  readonly rows: WarmRow[] = []
  readonly progress: WarmProgress[] = []
  readonly answer: Promise<WarmAnswer>
  readonly #gone = new AbortController()

  constructor(warm: Jobs['warm'], ask: WarmAsk) {
    this.answer = warm(ask, {
      signal: this.#gone.signal,
      progress: (progress) => void this.progress.push(progress),
      rows: (rows) => {
        this.rows.push(...rows)
        return Promise.resolve()
      },
    })
    this.answer.catch(() => undefined)
  }

  interrupt(): void {
    this.#gone.abort()
  }

  get notices(): string[] {
    return this.rows.flatMap((row) => (row.kind === 'notice' ? [row.text] : []))
  }

  async outcome(): Promise<string> {
    const answer = await this.answer
    return answer.kind === 'ended' ? answer.report.outcome : answer.kind
  }
}

const ASK: WarmAsk = {
  sources: [{ name: 'mirror.txt', text: 'nginx:1\n' }],
  platforms: ['linux/amd64', 'linux/arm64'],
  mode: 'run',
  jobs: 4,
  bytesPerSecond: undefined,
  reserve: undefined,
  untilAt: undefined,
  isDetached: false,
}
const OTHER = { sources: [{ name: 'other.txt', text: 'redis:7\n' }] }

function ended(outcome: WarmReport['outcome']): WarmAnswer {
  return { kind: 'ended', report: { outcome } as WarmReport, failedList: undefined }
}

function notice(text: string): WarmRow {
  return { kind: 'notice', text }
}

function progressOf(done: number, total: number): WarmProgress {
  return { ...notBegun(''), phase: 'blobs', done, total, waitingFor: undefined }
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  await turn()
  return await Promise.race([promise.then(() => false), turn(true)])
}

test('whoever asks gets the rows, the progress and the end of the run', async () => {
  const runs = new ScriptedRuns()
  const asker = runs.ask()
  await runs.running.talk.rows([notice('one'), notice('two')])
  runs.running.talk.progress(progressOf(1, 2))
  runs.running.end()
  assert.equal(await asker.outcome(), 'done')
  assert.deepEqual(asker.notices, ['one', 'two'])
  assert.deepEqual(
    asker.progress.map(({ done }) => done),
    [1],
  )
  assert.deepEqual(runs.log, ['begun mirror.txt', 'ended done'])
})

test('the same list with the same settings is run once, whatever way the ask came', async () => {
  const runs = new ScriptedRuns()
  const first = runs.ask()
  await runs.running.talk.rows([notice('before')])
  runs.running.talk.progress(progressOf(12, 40))
  const crossed = JSON.parse(JSON.stringify(ASK)) as WarmAsk
  const second = runs.ask({ ...crossed, platforms: ASK.platforms.toReversed() })
  await turn()
  await runs.running.talk.rows([notice('after')])
  runs.running.end('failures')
  assert.equal(await second.outcome(), 'failures')
  assert.equal(await first.outcome(), 'failures')
  assert.equal(runs.begun.length, 1)
  assert.deepEqual(first.notices, ['before', 'after'])
  assert.deepEqual(second.notices, [
    'this list is being warmed already (since 01:30, 12 of 40 images): following it',
    'before',
    'after',
  ])
  assert.equal(second.progress[0]?.done, 12)
})

test('other lists, and the same one with other settings, wait for their turn and are told for what', async () => {
  const runs = new ScriptedRuns()
  const first = runs.ask()
  runs.running.talk.progress(progressOf(12, 40))
  const second = runs.ask(OTHER)
  const third = runs.ask({ jobs: 1 })
  await turn()
  assert.equal(runs.begun.length, 1)
  assert.deepEqual(second.notices, [
    'another list is being warmed (mirror.txt, since 01:30, 12 of 40 images): waiting for it',
  ])
  assert.match(third.notices[0] ?? '', /waiting for it, and for 1 other before this one$/)
  runs.running.talk.progress(progressOf(13, 40))
  assert.equal(second.progress.at(-1)?.phase, 'waiting')
  assert.match(second.progress.at(-1)?.waitingFor ?? '', /mirror\.txt.*13 of 40 images/)
  for (const asker of [first, second, third]) {
    runs.running.end()
    assert.equal(await asker.outcome(), 'done')
    await turn()
  }
  assert.deepEqual(
    runs.begun.map(({ ask }) => ask.jobs),
    [4, 4, 1],
  )
})

test('who waits may be followed too', async () => {
  const runs = new ScriptedRuns()
  runs.ask()
  runs.ask(OTHER)
  const follower = runs.ask(OTHER)
  await turn()
  assert.equal(follower.notices[0], 'this list waits for its turn already: following it')
  runs.running.end()
  await turn()
  runs.running.end('left')
  assert.equal(await follower.outcome(), 'left')
  assert.equal(runs.begun.length, 2)
})

test('no more lists wait than are allowed, and the next is refused with a sentence', async () => {
  const runs = new ScriptedRuns()
  for (let jobs = 0; jobs <= WARM_QUEUE_MAX; jobs += 1) runs.ask({ jobs })
  await assert.rejects(runs.ask({ jobs: 99 }).answer, {
    name: 'JobPutOff',
    message: `${WARM_QUEUE_MAX} runs already wait for their turn: try again when one is done`,
  })
  assert.equal(await isPending(runs.ask({ jobs: 1 }).answer), true, 'who only follows is welcome')
})

test('the last one who goes stops the run in good order: it still answers', async () => {
  const runs = new ScriptedRuns()
  const first = runs.ask()
  first.interrupt()
  assert.equal(await first.outcome(), 'interrupted')
})

test('whoever goes, the run goes on for those who stay, and stops when the last one goes', async () => {
  for (const [goes, stays] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const runs = new ScriptedRuns()
    const askers = [runs.ask(), runs.ask()] as const
    await turn()
    askers[goes].interrupt()
    const sentence = 'the run goes on for 1 other command, and regmirror warm --last tells'
    await assert.rejects(askers[goes].answer, new RegExp(sentence))
    assert.match(askers[goes].notices.at(-1) ?? '', /^no longer following it: the run goes on/)
    assert.equal(runs.running.talk.signal.aborted, false)
    askers[stays].interrupt()
    assert.equal(await askers[stays].outcome(), 'interrupted')
  }
})

test('a list that is waited for by another too keeps its turn when who asked first goes', async () => {
  const runs = new ScriptedRuns()
  const first = runs.ask()
  const second = runs.ask(OTHER)
  const follower = runs.ask(OTHER)
  await turn()
  second.interrupt()
  await assert.rejects(second.answer, /the run keeps its turn for 1 other command/)
  runs.running.end()
  assert.equal(await first.outcome(), 'done')
  await turn()
  assert.equal(runs.running.ask.sources[0]?.name, 'other.txt')
  runs.running.end()
  assert.equal(await follower.outcome(), 'done')
})

test('who waits may leave the queue; nothing of that list is done', async () => {
  const runs = new ScriptedRuns()
  runs.ask()
  const second = runs.ask(OTHER)
  const third = runs.ask({ jobs: 1 })
  await turn()
  second.interrupt()
  await assert.rejects(second.answer, /has gone before its turn came: nothing was done/)
  runs.running.end()
  await turn()
  assert.equal(runs.running.ask.jobs, 1)
  runs.running.end()
  assert.equal(await third.outcome(), 'done')
})

test('a run that is being stopped is not followed: the same list is run again', async () => {
  const runs = new ScriptedRuns()
  runs.stopsAtOnce = false
  const first = runs.ask()
  first.interrupt()
  const again = runs.ask()
  await turn()
  runs.running.end('interrupted')
  assert.equal(await first.outcome(), 'interrupted')
  await turn()
  assert.equal(runs.begun.length, 2)
  runs.running.end()
  assert.equal(await again.outcome(), 'done')
})

test('detached, it answers at once and nobody’s going stops it', async () => {
  const runs = new ScriptedRuns()
  assert.deepEqual(await runs.ask({ isDetached: true }).answer, {
    kind: 'taken',
    run: '1',
    ahead: 0,
  })
  const behind = await runs.ask({ ...OTHER, isDetached: true }).answer
  assert.deepEqual(behind, { kind: 'taken', run: '2', ahead: 1 })
  const follower = runs.ask()
  await turn()
  follower.interrupt()
  await assert.rejects(follower.answer, /the run goes on/)
  assert.equal(runs.running.talk.signal.aborted, false)
  runs.running.end()
  await turn()
  assert.equal(runs.running.ask.sources[0]?.name, 'other.txt')
})

test('a run that is under way can be detached', async () => {
  const runs = new ScriptedRuns()
  const first = runs.ask()
  assert.deepEqual(await runs.ask({ isDetached: true }).answer, {
    kind: 'taken',
    run: '1',
    ahead: 0,
  })
  first.interrupt()
  await assert.rejects(first.answer, /the run goes on/)
  assert.equal(runs.running.talk.signal.aborted, false)
  assert.equal(runs.begun.length, 1)
})

test('without a server nothing can be detached', async () => {
  const runs = new ScriptedRuns(false)
  const sentence =
    /no server runs on this store.*start regmirror serve first, or leave out --detach/
  await assert.rejects(runs.ask({ isDetached: true }).answer, sentence)
  assert.equal(runs.begun.length, 0)
})

test('plans and checks wait for no run, and only so many are made at once', async () => {
  const runs = new ScriptedRuns()
  runs.ask()
  const looks = Array.from({ length: LOOKS_MAX }, () => runs.ask({ mode: 'check' }))
  assert.equal(runs.begun.length, 1 + LOOKS_MAX)
  await assert.rejects(runs.ask({ mode: 'plan' }).answer, {
    name: 'JobPutOff',
    message: '4 plans and checks are being made now: try again in a while',
  })
  looks[0]?.interrupt()
  assert.equal(await looks[0]?.outcome(), 'interrupted')
  runs.ask({ mode: 'plan' })
  assert.equal(runs.running.ask.mode, 'plan')
  assert.deepEqual(runs.log, ['begun mirror.txt'])
})

test('the owner’s stop ends what runs in good order, and tells those who wait', async () => {
  const runs = new ScriptedRuns()
  const first = runs.ask()
  const second = runs.ask(OTHER)
  const look = runs.ask({ mode: 'plan' })
  await turn()
  await runs.desk.stop()
  assert.equal(await first.outcome(), 'interrupted')
  assert.equal(first.notices.at(-1), 'the regmirror that runs this is being stopped')
  await assert.rejects(second.answer, {
    name: 'JobPutOff',
    message: /has stopped before its turn came: nothing was done/,
  })
  assert.equal(await look.outcome(), 'interrupted')
  await assert.rejects(runs.ask().answer, { name: 'JobPutOff' })
  assert.equal(runs.begun.length, 2)
})

test('the owner’s stop waits until the run has answered', async () => {
  const runs = new ScriptedRuns()
  runs.stopsAtOnce = false
  runs.ask({ isDetached: true })
  await turn()
  const stopped = runs.desk.stop()
  assert.equal(await isPending(stopped), true)
  runs.running.end('interrupted')
  await stopped
  assert.deepEqual(runs.log, ['begun mirror.txt', 'ended interrupted'])
})

test('a run that fails is told to all who follow, and the next begins', async () => {
  const runs = new ScriptedRuns()
  const both = [runs.ask(), runs.ask()]
  const next = runs.ask(OTHER)
  await turn()
  runs.running.fail(new Error('the disk is gone'))
  for (const { answer } of both) await assert.rejects(answer, /the disk is gone/)
  await turn()
  runs.running.end()
  assert.equal(await next.outcome(), 'done')
  assert.deepEqual(runs.log.slice(0, 2), ['begun mirror.txt', 'failed the disk is gone'])
})

test('a run waits for no reader, and who reads too slowly is told what was left out', async () => {
  const runs = new ScriptedRuns()
  const { promise: isRead, resolve: read } = Promise.withResolvers<void>()
  const texts: string[] = []
  const slow = runs.desk.warm(ASK, {
    signal: new AbortController().signal,
    progress: () => {},
    rows: async (rows) => {
      texts.push(...rows.map((row) => (row.kind === 'notice' ? row.text : row.kind)))
      await isRead
    },
  })
  await runs.running.talk.rows([notice('first')])
  await turn()
  for (let n = 0; n < 25_000; n += 1) await runs.running.talk.rows([notice(`row ${n}`)])
  runs.running.end()
  read()
  await slow
  assert.equal(texts[0], 'first')
  const lost = Number(/^(\d+) lines of before are left out/.exec(texts[1] ?? '')?.[1])
  assert.ok(lost > 0 && texts[2] === `row ${lost}`, texts[2])
  assert.equal(texts.at(-1), 'row 24999')
  assert.ok(texts.length <= 10_002)
})

test('who is interrupted before the run has begun stops it all the same', async () => {
  const runs = new ScriptedRuns()
  const gone = new AbortController()
  gone.abort()
  const talk = { signal: gone.signal, progress: () => {}, rows: () => Promise.resolve() }
  const answer = await runs.desk.warm(ASK, talk)
  assert.equal(answer.kind === 'ended' && answer.report.outcome, 'interrupted')
  assert.ok(runs.running.talk.signal.aborted)
})

const HANDED_BACK = { name: 'JobHandedBack', isForServer: false }
const FOR_SERVER = { name: 'JobHandedBack', isForServer: true }

test('a command that has its answer hands back what others wait for, and begins none of it', async () => {
  const runs = new ScriptedRuns(false)
  const own = runs.askAsOwner()
  const follower = runs.ask()
  const waiting = [runs.ask(OTHER), runs.ask({ jobs: 1 })]
  await turn()
  runs.running.end()
  assert.equal(await own.outcome(), 'done')
  assert.equal(await follower.outcome(), 'done')
  for (const { answer } of waiting) await assert.rejects(answer, HANDED_BACK)
  await assert.rejects(runs.ask().answer, HANDED_BACK)
  assert.equal(runs.begun.length, 1)
})

test('a command that is interrupted has its report, and the others ask the next owner', async () => {
  const runs = new ScriptedRuns(false)
  const own = runs.askAsOwner()
  const others = [runs.ask(), runs.ask(OTHER), runs.ask({ mode: 'plan' })]
  await turn()
  own.interrupt()
  for (const { answer } of others) await assert.rejects(answer, HANDED_BACK)
  assert.equal(await own.outcome(), 'interrupted')
  assert.equal(runs.begun.length, 2)
  assert.ok(runs.begun.every(({ talk }) => talk.signal.aborted))
})

test('where a server waits for the store all is handed back at once, and the run is parked', async () => {
  const runs = new ScriptedRuns(false)
  runs.stopsAtOnce = false
  const own = runs.askAsOwner()
  const others = [runs.ask(), runs.ask(OTHER)]
  await turn()
  runs.desk.handBack(true)
  for (const { answer } of [own, ...others]) await assert.rejects(answer, FOR_SERVER)
  assert.ok(runs.running.talk.signal.aborted)
  const heard = own.rows.length
  await runs.running.talk.rows([notice('left for the next run')])
  const stopped = runs.desk.stop()
  assert.equal(await isPending(stopped), true)
  runs.running.end('interrupted')
  await stopped
  assert.equal(own.rows.length, heard, 'who goes on elsewhere hears nothing of the end here')
})

test('who is interrupted already has its report, though a server waits for the store', async () => {
  const runs = new ScriptedRuns(false)
  runs.stopsAtOnce = false
  const own = runs.askAsOwner()
  own.interrupt()
  runs.desk.handBack(true)
  runs.running.end('interrupted')
  assert.equal(await own.outcome(), 'interrupted')
})

test('a run that sends more rows at once than are kept keeps no more for that', async () => {
  const runs = new ScriptedRuns()
  const asker = runs.ask()
  await runs.running.talk.rows(Array.from({ length: 25_000 }, (_, n) => notice(`row ${n}`)))
  runs.running.end()
  await asker.answer
  assert.match(asker.notices[0] ?? '', /^15000 lines of before are left out/)
  assert.equal(asker.notices.length, 10_001)
})

const TYPED = { sources: [{ name: 'command line', text: 'nginx:1.27' }] }

suite('a few images that were typed', () => {
  test('are warmed at once beside a list, one command after another', async () => {
    const runs = new ScriptedRuns()
    const list = runs.ask()
    const typed = runs.ask(TYPED)
    assert.equal(runs.begun.length, 2)
    assert.deepEqual(typed.notices, [])
    const other = { sources: [{ name: 'command line', text: 'redis:7\nredis:6' }] }
    const next = runs.ask(other)
    await turn()
    assert.deepEqual(next.notices, [
      'other images are being warmed (nginx:1.27, since 01:30): waiting for them',
    ])
    runs.running.end()
    assert.equal(await typed.outcome(), 'done')
    await turn()
    assert.equal(runs.begun.length, 3)
    runs.running.end()
    assert.equal(await next.outcome(), 'done')
    assert.equal(await isPending(list.answer), true)
    assert.deepEqual(runs.log, [
      ...['begun mirror.txt', 'begun command line', 'ended done'],
      ...['begun command line', 'ended done'],
    ])
  })

  test('wait for a list where they are many, or nobody knows how many', async () => {
    const many = Array.from({ length: ON_DEMAND_IMAGES_MAX + 1 }, (_, n) => `nginx:1.${n}`)
    const typed = ['nginx:1.*', 'nginx:^1', 'nginx newest=2', 'ghcr.io/org/*', many.join('\n')]
    for (const text of typed) {
      const runs = new ScriptedRuns()
      runs.ask()
      const asker = runs.ask({ sources: [{ name: 'command line', text }] })
      await turn()
      assert.equal(runs.begun.length, 1, text)
      assert.match(asker.notices[0] ?? '', /^another list is being warmed/)
    }
    const enough = new ScriptedRuns()
    enough.ask()
    enough.ask({ sources: [{ name: 'command line', text: many.slice(1).join('\n') }] })
    assert.equal(enough.begun.length, 2)
  })

  test('wait for a list that comes with them, and for the command that owns the store', async () => {
    const runs = new ScriptedRuns()
    runs.ask()
    runs.ask({ sources: [...TYPED.sources, ...OTHER.sources] })
    const without = new ScriptedRuns(false)
    without.askAsOwner()
    without.ask(TYPED)
    await turn()
    assert.equal(runs.begun.length, 1)
    assert.equal(without.begun.length, 1)
  })

  test('have a queue of their own, which is bounded too', async () => {
    const runs = new ScriptedRuns()
    for (let jobs = 0; jobs <= WARM_QUEUE_MAX; jobs += 1) runs.ask({ jobs })
    for (let jobs = 0; jobs <= ON_DEMAND_QUEUE_MAX; jobs += 1) runs.ask({ ...TYPED, jobs })
    await assert.rejects(runs.ask({ ...TYPED, jobs: 99 }).answer, {
      name: 'JobPutOff',
      message: `${ON_DEMAND_QUEUE_MAX} runs already wait for their turn: try again when one is done`,
    })
    assert.equal(runs.begun.length, 2)
  })

  test('are ended by the owner’s stop like a list', async () => {
    const runs = new ScriptedRuns()
    const askers = [runs.ask(), runs.ask(TYPED)]
    await runs.desk.stop()
    for (const asker of askers) assert.equal(await asker.outcome(), 'interrupted')
  })
})

suite('a list that the schedule began', () => {
  const FILE = { name: '/srv/mirror.txt', path: '/srv/mirror.txt', text: 'nginx:1\n' }
  const scheduled = { sources: [FILE], untilAt: STARTED_AT + 1000, isScheduled: true }
  const typed = { sources: [{ ...FILE, name: 'mirror.txt' }] }

  test('is followed by who asks for it by hand, and goes on when he goes', async () => {
    const runs = new ScriptedRuns()
    runs.ask(scheduled)
    const follower = runs.ask(typed)
    await turn()
    assert.equal(runs.begun.length, 1)
    assert.match(follower.notices[0] ?? '', /^this list is being warmed already .*: following it$/)
    follower.interrupt()
    await assert.rejects(follower.answer, /the run goes on for 1 other command/)
    assert.equal(runs.running.talk.signal.aborted, false)
  })

  test('is what somebody has begun by hand, where that still goes on', async () => {
    const runs = new ScriptedRuns()
    const typist = runs.ask(typed)
    const due = runs.ask(scheduled)
    await turn()
    typist.interrupt()
    runs.running.end('left')
    assert.equal(await due.outcome(), 'left')
    assert.equal(runs.begun.length, 1)
  })

  test('is not what was asked for by hand where its text, what it includes, or its end is another', async () => {
    const runs = new ScriptedRuns()
    runs.ask(scheduled)
    const included = { line: 1, list: { name: 'more.txt', text: 'redis:7\n' } }
    runs.ask({ sources: [{ ...FILE, text: 'nginx:2\n' }] })
    runs.ask({ sources: [{ ...FILE, includes: [included] }] })
    runs.ask({ ...typed, untilAt: STARTED_AT + 5000 })
    await turn()
    for (let begun = 1; begun < 4; begun += 1) {
      runs.running.end()
      await turn()
    }
    assert.equal(runs.begun.length, 4)
  })
})
