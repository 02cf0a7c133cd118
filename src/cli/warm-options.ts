// The options of `regmirror warm` that are its own: what they may be, and every problem with them.

import type { Arguments, Options } from 'yargs'
import type { WarmAsk } from '../care/warm-job.ts'
import { WARM_JOBS } from '../config/config.ts'
import { quote, suggestion } from '../config/wording.ts'
import { machinePlatform } from '../lib/machine-platform.ts'
import { nextTimeOfDay, parseTimeOfDay } from '../lib/time-of-day.ts'
import { parseSize } from '../lib/units.ts'
import { parsePlatforms } from '../list/platform.ts'
import { PROGRESS_MODES } from './warm-display-options.ts'
import type { ProgressMode } from './warm-display-options.ts'

const JOBS_MAX = 64
const RESERVE_MAX = 1_000_000
/** As many as are kept. */
const LAST_MAX = 90
const LAST = 10

const value = (describe: string): Options => ({ type: 'string', group: 'Options:', describe })
const flag = (describe: string): Options => ({ type: 'boolean', group: 'Options:', describe })

export const warmOptions = {
  platform: value(
    `OS/ARCH: of which platforms, or all; repeatable [default: ${machinePlatform()}]`,
  ),
  jobs: value(
    `N: images of a registry at once, and twice as many downloads in all [default: ${WARM_JOBS}]`,
  ),
  bandwidth: value('RATE: download at most so much, such as 40MB/s; live pulls go first anyway'),
  reserve: value(
    'N: pulls that a counting registry is left with [default: 20, or a fifth of its limit]',
  ),
  until: value('HH:MM: end in good order at this time; the rest is for the next run'),
  plan: flag('say what would be fetched and what that costs; fetch nothing'),
  check: flag('only look whether everything is whole and fresh (exit code 5: it is not)'),
  report: value('FILE: write what came of each image there, as JSON'),
  progress: value(`HOW: ${PROGRESS_MODES.join(', ')} [default: auto]`),
  detach: flag('leave the run to the running server and do not wait for it'),
  last: value('[N]: what the last runs did, instead of a run'),
  json: flag('the report, the plan or the last runs as JSON on stdout'),
} as const satisfies Readonly<Record<string, Options>>

type Name = keyof typeof warmOptions
export const warmOptionNames = Object.keys(warmOptions) as Name[]

export interface WarmOptions {
  readonly ask: Omit<WarmAsk, 'sources'>
  readonly reportFile: string | undefined
  readonly progress: ProgressMode
  readonly isJson: boolean
  /** Earlier runs are asked for, instead of a run; and how many. */
  readonly isLast: boolean
  readonly last: number
  /** What a retry has to be given again, as typed. */
  readonly retryOptions: readonly string[]
}

const RETRIED: readonly Name[] = ['platform', 'jobs', 'bandwidth', 'reserve']

/** Where something is a problem, the options stand for nothing. */
export interface ReadOptions {
  readonly options: WarmOptions
  readonly problems: readonly string[]
}

export function readWarmOptions(argv: Arguments, now: number): ReadOptions {
  const typed = new Typed(argv)
  const platforms = readPlatforms(typed)
  const ask = {
    platforms,
    mode: typed.has('check') ? 'check' : typed.has('plan') ? 'plan' : 'run',
    jobs: typed.read('jobs', wholeNumber(1, JOBS_MAX)) ?? WARM_JOBS,
    bytesPerSecond: typed.read('bandwidth', parseRate),
    reserve: typed.read('reserve', wholeNumber(0, RESERVE_MAX)),
    untilAt: typed.read('until', (text) => parseUntil(text, now)),
    isDetached: typed.has('detach'),
  } as const
  const options: WarmOptions = {
    ask,
    reportFile: typed.read('report', parseReport),
    progress: typed.read('progress', parseProgress) ?? 'auto',
    isJson: typed.has('json'),
    isLast: typed.has('last'),
    last: typed.read('last', parseLast) ?? LAST,
    retryOptions: RETRIED.flatMap((name) => typed.all(name).flatMap((each) => [`--${name}`, each])),
  }
  return { options, problems: [...typed.problems, ...contradictions(typed)] }
}

/** What cannot be meant at the same time. */
const PAIRS: readonly (readonly [Name, Name, string])[] = [
  ['plan', 'check', 'a check is a plan with an exit code: give one of them'],
  ['plan', 'detach', 'a plan is something to read: wait for it'],
  ['check', 'detach', 'a check is its exit code: wait for it'],
  ['detach', 'report', 'nobody waits to write it; read it later with regmirror warm --last --json'],
  [
    'detach',
    'json',
    'nobody waits for the report; read it later with regmirror warm --last --json',
  ],
]
const OF_LAST: readonly Name[] = ['last', 'json']

function contradictions(typed: Typed): readonly string[] {
  if (typed.has('last')) {
    return warmOptionNames
      .filter((name) => typed.has(name) && !OF_LAST.includes(name))
      .map((name) => `--last shows earlier runs and --${name} is for a new one: give one of them`)
  }
  return PAIRS.filter(([one, other]) => typed.has(one) && typed.has(other)).map(
    ([one, other, why]) => `--${one} and --${other} contradict each other: ${why}`,
  )
}

/** What was typed, by option; and the problems with that. */
class Typed {
  readonly problems: string[] = []
  readonly #argv: Arguments

  constructor(argv: Arguments) {
    this.#argv = argv
  }

  has(name: Name): boolean {
    const typed = this.#argv[name]
    return typed !== undefined && typed !== false
  }

  all(name: Name): readonly string[] {
    const typed: unknown = this.#argv[name]
    if (typed === undefined) return []
    return (Array.isArray(typed) ? typed : [typed]).map(String)
  }

  /** `parse` gives the value, or the rest of a sentence. */
  read<T>(name: Name, parse: (text: string) => T | Problem): T | undefined {
    const [first, ...more] = this.all(name)
    if (first === undefined) return undefined
    if (more.length > 0) {
      this.problems.push(`--${name} is given ${more.length + 1} times: give it once`)
      return undefined
    }
    const parsed = parse(first.trim())
    if (!(parsed instanceof Problem)) return parsed
    this.problems.push(`--${name}: ${parsed.text}`)
    return undefined
  }
}

class Problem {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

function readPlatforms(typed: Typed): readonly string[] {
  const all = typed.all('platform')
  if (all.length === 0) return [machinePlatform()]
  const read = parsePlatforms(all.map((each) => each.trim()).join(','))
  if ('value' in read) return read.value
  typed.problems.push(`--platform: ${read.mistake.message}`)
  return []
}

function wholeNumber(min: number, max: number): (text: string) => number | Problem {
  return (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : -1
    if (number >= min && number <= max) return number
    return new Problem(`${quote(text)} is not a whole number from ${min} to ${max}`)
  }
}

function parseRate(text: string): number | Problem {
  const bytes = parseSize(text.replace(/ ?\/ ?s(?:ec)?$/i, ''))
  if (bytes !== undefined && bytes > 0) return bytes
  return new Problem(`${quote(text)} is not a rate with its unit, such as 40MB/s or 500KiB/s`)
}

function parseUntil(text: string, now: number): number | Problem {
  const time = parseTimeOfDay(text)
  if (time !== undefined) return nextTimeOfDay(time, now)
  const meant = `${text.padStart(2, '0')}:00`
  const isHour = parseTimeOfDay(meant) !== undefined
  const hint = isHour ? `; did you mean ${meant}?` : ', such as 06:00 or 18:30'
  return new Problem(`${quote(text)} is not a time of the day${hint}`)
}

function parseReport(text: string): string | Problem {
  return text === '' ? new Problem('name the file to write, such as --report warm.json') : text
}

function parseProgress(text: string): ProgressMode | Problem {
  const mode = PROGRESS_MODES.find((each) => each === text)
  if (mode !== undefined) return mode
  const hint = suggestion(text, PROGRESS_MODES) || `: give ${PROGRESS_MODES.join(', ')}`
  return new Problem(`${quote(text)} is not a way to show progress${hint}`)
}

function parseLast(text: string): number | Problem {
  if (text === '') return LAST
  const number = wholeNumber(1, LAST_MAX)(text)
  if (!(number instanceof Problem)) return number
  return new Problem(`${quote(text)} is not how many runs: a whole number from 1 to ${LAST_MAX}`)
}
