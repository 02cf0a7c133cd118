// Whoever is answered out of what was answered before gets what the whole mirror would have answered then:
// the same bytes and headers, with the same noted, counted and logged, and nothing to ask upstream for.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { openStore } from '../../src/store/store.ts'
import type { Store } from '../../src/store/store.ts'
import { RememberingMirror } from '../support/remembering-mirror.ts'
import type { Asked, Change, TagName } from '../support/remembering-mirror.ts'
import { campaign, seed } from '../support/seed.ts'
import { TempFolder } from '../support/temp-folder.ts'

const RUNS = campaign(30)
const DAY_MS = 24 * 3_600_000

const repository = fc.constantFrom(0, 1)
const tag = fc.constantFrom('latest', '1.2.3')
const reference = fc.constantFrom<TagName | number>('latest', '1.2.3', 0, 1)
const names = fc.subarray(['app0', 'app1', 'app0:latest', 'app1:1.2.3'], { maxLength: 1 })

const asked: fc.Arbitrary<Asked> = fc.record({
  repository,
  reference,
  method: fc.constantFrom('GET', 'GET', 'HEAD'),
  form: fc.constantFrom('plain', 'plain', 'plain', 'host', 'ns', 'listener', 'prefix', 'encoded'),
  condition: fc.constantFrom('none', 'none', 'none', 'matching', 'other'),
})

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    what: fc.constant('moved'),
    repository,
    tag,
    to: fc.constantFrom(0, 1, undefined),
  }),
  fc.record({ what: fc.constant('door'), repository, isPublic: fc.boolean() }),
  fc.record({ what: fc.constant('upstream'), isUp: fc.boolean() }),
  fc.record({ what: fc.constant('blocked'), names }),
  fc.record({ what: fc.constant('login'), isThere: fc.boolean() }),
  fc.record({ what: fc.constant('restarted'), isOffline: fc.boolean() }),
  fc.record({ what: fc.constant('looked'), repository, isPublic: fc.boolean() }),
  fc.record({ what: fc.constant('removed'), repository, reference }),
  fc.record({ what: fc.constant('evicted') }),
  fc.record({
    what: fc.constant('clock'),
    byMs: fc.constantFrom(500, 1000, 10_000, DAY_MS, -2000),
  }),
)

interface Step {
  readonly ask: readonly Asked[]
  readonly isRepeated: boolean
  readonly change: Change | null
  readonly isMeanwhile: boolean
}

// Mostly the same is asked again; now and then something changes, also while it is being asked.
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({
    ask: fc.array(asked, { minLength: 1, maxLength: 2 }),
    isRepeated: fc.boolean(),
    change: fc.option(change),
    isMeanwhile: fc.boolean(),
  }),
  { minLength: 1, maxLength: 20, size: 'max' },
)

// Seldom drawn: what is taken away is just what is being looked up, and a clock that is set back meanwhile.
const LATEST: Asked = {
  repository: 0,
  reference: 'latest',
  method: 'GET',
  form: 'plain',
  condition: 'none',
}
const MEANWHILE_CHANGES: readonly Change[] = [
  { what: 'removed', repository: 0, reference: 'latest' },
  { what: 'clock', byMs: -2000 },
]
const MEANWHILE = MEANWHILE_CHANGES.map((change): [readonly Step[]] => [
  [{ ask: [LATEST], isRepeated: true, change, isMeanwhile: true }],
])

const folder = new TempFolder('remembered')
let store: Store | undefined
after(async () => {
  await store?.close()
  await folder.close()
})

test('an answer given again is what the whole mirror would answer, whatever has changed', async () => {
  const opened = (store = await openStore(folder.path, 1))
  let [runs, givenAgain] = [0, 0]
  const property = fc.asyncProperty(steps, async (plan) => {
    const mirror = new RememberingMirror(opened, `run${runs++}.test`)
    try {
      for (const { ask, isRepeated, change, isMeanwhile } of plan) {
        for (const each of ask) await mirror.ask(each)
        if (isRepeated) for (const each of ask) await mirror.ask(each)
        if (!change) continue
        if (isMeanwhile) await mirror.changeMeanwhile(change, ask)
        else await mirror.change(change)
        for (const each of ask) await mirror.ask(each)
      }
      givenAgain += mirror.givenAgain
    } finally {
      await mirror.close()
    }
  })
  await fc.assert(property, { seed, numRuns: RUNS, examples: MEANWHILE })
  // Else little was compared.
  assert.ok(givenAgain > RUNS * 2, `${givenAgain} answers were given again`)
})
