import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { JobPutOff, JobRefused, StoreError } from '../../../src/errors.ts'
import { failureExitCode, warmExitCode } from '../../../src/cli/warm-exit.ts'
import { readWarmOptions } from '../../../src/cli/warm-options.ts'
import type { ReadOptions } from '../../../src/cli/warm-options.ts'
import { machinePlatform } from '../../../src/lib/machine-platform.ts'

const NOW = Date.parse('2026-06-10T12:00:00Z')

const read = (typed: Readonly<Record<string, unknown>>): ReadOptions =>
  readWarmOptions({ _: ['warm'], $0: 'regmirror', ...typed }, NOW)

function options(typed: Readonly<Record<string, unknown>>): ReadOptions['options'] {
  const { options: all, problems } = read(typed)
  assert.deepEqual(problems, [])
  return all
}

suite('the options of a run', () => {
  test('without any, what suits most machines', () => {
    assert.deepEqual(options({}), {
      ask: {
        platforms: [machinePlatform()],
        mode: 'run',
        jobs: 4,
        bytesPerSecond: undefined,
        reserve: undefined,
        untilAt: undefined,
        isDetached: false,
      },
      reportFile: undefined,
      progress: 'auto',
      isJson: false,
      isLast: false,
      last: 10,
      retryOptions: [],
    })
  })

  test('platforms come from repeated options and from commas, each once', () => {
    const platform = ['linux/amd64,linux/arm/v7', 'linux/arm64', 'linux/amd64']
    const { ask, retryOptions } = options({ platform })
    assert.deepEqual(ask.platforms, ['linux/amd64', 'linux/arm/v7', 'linux/arm64'])
    assert.deepEqual(
      retryOptions,
      platform.flatMap((each) => ['--platform', each]),
    )
    assert.deepEqual(options({ platform: 'all' }).ask.platforms, ['all'])
  })

  test('a rate is read with its unit, by the second or without', () => {
    for (const bandwidth of ['40MB/s', '40 MB/s', '40MB', '40M/s', '40000KB/sec']) {
      assert.equal(options({ bandwidth }).ask.bytesPerSecond, 40_000_000, bandwidth)
    }
    assert.equal(options({ bandwidth: '1MiB/s' }).ask.bytesPerSecond, 1_048_576)
  })

  test('an end is a moment that is still to come', () => {
    const { untilAt = 0 } = options({ until: '06:00' }).ask
    assert.ok(untilAt > NOW && untilAt <= NOW + 25 * 3_600_000)
  })

  test('a plan and a check are no runs', () => {
    assert.equal(options({ plan: true }).ask.mode, 'plan')
    assert.equal(options({ check: true }).ask.mode, 'check')
    assert.equal(options({ plan: false, check: false }).ask.mode, 'run')
  })

  test('earlier runs are shown as many as asked for', () => {
    assert.equal(options({ last: '' }).isLast, true)
    assert.equal(options({ last: '' }).last, 10)
    assert.equal(options({ last: '1', json: true }).last, 1)
  })
})

suite('what cannot be meant is told, everything at once', () => {
  const wrong: readonly (readonly [Readonly<Record<string, unknown>>, ...RegExp[]])[] = [
    [{ jobs: '0' }, /--jobs: "0" .* from 1 to 64/],
    [{ jobs: '4.5' }, /--jobs/],
    [{ jobs: ['3', '4'] }, /--jobs is given 2 times/],
    [{ reserve: '-1' }, /--reserve/],
    [{ bandwidth: '40' }, /--bandwidth: "40" .* such as 40MB\/s/],
    [{ bandwidth: '0' }, /--bandwidth/],
    [{ bandwidth: 'fast' }, /--bandwidth/],
    [{ until: '25:00' }, /--until: "25:00" .* such as 06:00/],
    [{ until: '6' }, /--until: "6" is not a time of the day; did you mean 06:00\?/],
    [{ until: '24' }, /--until: "24" .* such as 06:00/],
    [{ progress: 'plian' }, /did you mean plain\?/],
    [{ report: '' }, /--report: name the file/],
    [{ platform: 'linux/amd46' }, /--platform: .* did you mean amd64\?/],
    [{ platform: ['all', 'linux/amd64'] }, /name no others/],
    [{ last: 'x' }, /--last: "x" is not how many/],
    [{ last: '91' }, /from 1 to 90/],
    [{ last: '', jobs: '4' }, /--last shows earlier runs and --jobs/],
    [{ plan: true, check: true }, /--plan and --check/],
    [{ plan: true, detach: true }, /--plan and --detach/],
    [{ check: true, detach: true }, /--check and --detach/],
    [{ detach: true, report: 'x.json' }, /--detach and --report/],
    [{ detach: true, json: true }, /--detach and --json/],
    [{ jobs: 'x', until: 'y', plan: true, check: true }, /--jobs/, /--until/, /--plan and/],
  ]
  for (const [typed, ...sentences] of wrong) {
    test(JSON.stringify(typed), () => {
      const { problems } = read(typed)
      assert.equal(problems.length, sentences.length, problems.join('\n'))
      sentences.forEach((sentence, index) => assert.match(problems[index] ?? '', sentence))
    })
  }
})

test('machines are called as images call them', () => {
  assert.equal(machinePlatform('x64'), 'linux/amd64')
  assert.equal(machinePlatform('arm64'), 'linux/arm64')
  assert.equal(machinePlatform('ia32'), 'linux/386')
  assert.equal(machinePlatform('s390x'), 'linux/s390x')
})

suite('exit codes', () => {
  test('each ending has its own', () => {
    const codes = (['done', 'failures', 'nothing', 'left', 'stale', 'interrupted'] as const).map(
      (outcome) => warmExitCode(outcome),
    )
    assert.deepEqual(codes, [0, 1, 3, 4, 5, 130])
  })

  test('a signal to the command names its ending', () => {
    assert.equal(warmExitCode('interrupted', 143), 143)
    assert.equal(warmExitCode('failures', 130), 130)
  })

  test('a full disk is nothing that could be done, and what is refused was asked wrongly', () => {
    const full = new StoreError('full', 'the disk is full')
    assert.equal(failureExitCode(full), 3)
    assert.equal(failureExitCode(new Error('the disk is full', { cause: full })), 3)
    assert.equal(failureExitCode(new JobRefused('no server to leave it to')), 2)
    assert.equal(failureExitCode(new JobPutOff('8 lists already wait')), 3)
    assert.equal(failureExitCode(new StoreError('locked', 'in use')), undefined)
    assert.equal(failureExitCode(new Error('anything')), undefined)
  })
})
