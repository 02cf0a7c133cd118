// Has a job done by whoever owns the store: a running server, or this command itself.

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AnswerOf, AskOf, Job, JobName, JobProgress, ProgressOf, RowOf } from '../care/jobs.ts'
import type { StoreOwner } from '../own-store.ts'
import type { Config } from '../config/config.ts'
import type { LoadedConfig } from '../config/load.ts'
import { JobHandedBack, StoreError } from '../errors.ts'
import type { Logger } from '../lib/log.ts'
import { within } from '../lib/within.ts'
import { askOwner } from '../owner/client.ts'
import type { Listener, LivingOwner } from '../owner/client.ts'
import { ownOrFind, untilNextOwner } from '../owner/contend.ts'
import { requireDataFolder } from './data-folder.ts'
import { findStore, holdsStore } from './find-store.ts'
import type { TypedFlags } from './flags.ts'
import { watchInterruption } from './interruption.ts'
import { say } from './output.ts'
import { ProgressLine } from './progress.ts'

export interface JobShown<Name extends JobName> {
  /** The rows as they come; more are asked for when it resolves. */
  onRows?(rows: readonly RowOf<Name>[]): void | Promise<void>
  /** Instead of the one line that shows how far it is. */
  onProgress?(progress: ProgressOf<Name>): void
  /** Before others write where the progress is shown. */
  clear?(): void
  /** Instead of lines of their own for what is said about the job: who does it, that it is stopped. */
  say?(sentence: string): void
  /** Instead of lines for people, where this command owns the store. */
  readonly log?: Logger
  /** No progress is shown: the output is for a program. */
  readonly isQuiet?: boolean
  /** Where there is no store yet, one is begun in the folder that a server would take, or one that goes. */
  readonly begins?: 'to stay' | 'for now' | undefined
}

export interface JobDone<Answer> {
  readonly answer: Answer
  /** The answer tells what was done until then. */
  readonly isInterrupted: boolean
  /** 130 where it was interrupted, else 0. */
  readonly exitCode: number
}

interface Asked<Name extends JobName> {
  readonly name: Name
  readonly ask: AskOf<Name>
  readonly listener: Listener<Name>
  readonly begins: JobShown<Name>['begins']
  readonly log: Logger | undefined
  say(sentence: string): void
}

/** Settings that mean the command itself, or where it looks, whoever owns the store. */
const COMMANDS_OWN = ['data', 'log', 'log-level']
/** Each takes as long as an owner may take to start or to leave. */
const TRIES_MAX = 20
const SERVER_STARTS = 'a server starts on this store: it goes on with this'
/** Who waits longer wants to know for what. */
const SILENT_MAX_MS = 1000
const OTHERS_LEFT =
  'done; other commands still use the store through this one: waiting for them (Ctrl-C stops them)'

/** Says which folder it is about. Throws what explainFailure knows. */
export async function runJob<Name extends JobName>(
  name: Name,
  ask: AskOf<Name>,
  { flags, problems }: Pick<TypedFlags, 'flags' | 'problems'>,
  shown: JobShown<Name> | ((config: Config) => JobShown<Name>) = {},
): Promise<JobDone<AnswerOf<Name>>> {
  const { loadConfig } = await import('../config/load.ts')
  const loaded = loadConfig(flags, problems)
  const { onRows, onProgress, begins, ...how } =
    typeof shown === 'function' ? shown(loaded.config) : shown
  const line = new ProgressLine(process.stderr, Date.now, loaded.config.isTerminalDumb)
  const clear = (): void => (how.clear === undefined ? line.clear() : how.clear())
  const sayAside = (sentence: string): void => {
    clear()
    if (how.say === undefined) say(sentence)
    else how.say(sentence)
  }
  const interruption = watchInterruption(sayAside)
  const listener: Listener<Name> = {
    signal: interruption.signal,
    progress: (progress) => {
      if (onProgress !== undefined) onProgress(progress)
      else if (how.isQuiet !== true) line.show(progress as JobProgress)
    },
    rows: (rows) => {
      if (how.clear === undefined) line.clear()
      return onRows?.(rows)
    },
  }
  try {
    const asked = { name, ask, listener, begins, say: sayAside, log: how.log }
    const answer = await done(asked, loaded, clear)
    const { exitCode } = interruption
    return { answer, exitCode, isInterrupted: exitCode !== 0 }
  } catch (error) {
    if (interruption.isReaderGone) process.exit(0)
    if (!interruption.signal.aborted) throw error
    sayAside('interrupted')
    process.exit(interruption.exitCode)
  } finally {
    clear()
  }
}

/** An owner that leaves before it is done is followed by another, perhaps by this command. */
async function done<Name extends JobName>(
  asked: Asked<Name>,
  { config, effective, folders }: LoadedConfig,
  beforeWords: () => void,
): Promise<AnswerOf<Name>> {
  const typed = storeSettings(effective)
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const found = await findStore(folders, asked.begins && config.data)
    const isNew = !holdsStore(found.folder)
    const folder = isNew && asked.begins === 'for now' ? folderForNow() : found.folder
    const open = async (): Promise<StoreOwner> => {
      requireDataFolder(folder, effective.data[0]?.origin ?? 'default')
      // Logins are where they always are.
      const settings = { ...config, data: found.folder }
      return await openStoreOwner(settings, folder, asked, beforeWords)
    }
    const { owner } = found
    const owning = owner ? { living: owner } : await ownOrFind(folder, open, () => true)
    if ('owned' in owning) {
      asked.say(
        folder === found.folder
          ? `${folder},${isNew ? ' a new store,' : ''} opened by this command`
          : `${found.folder} holds no store yet: so far nothing is held`,
      )
    } else firstSentences(folder, owning.living, typed).forEach((sentence) => asked.say(sentence))
    try {
      if ('owned' in owning) return await doneHere(asked, owning.owned)
      const { name, ask, listener } = asked
      return await begun(askOwner(owning.living, name, ask, listener))
    } catch (error) {
      if (!(error instanceof JobHandedBack)) throw error
      const former = 'owned' in owning ? undefined : owning.living.facts
      if (error.isForServer) asked.say(SERVER_STARTS)
      await untilNextOwner(folder, former, error.isForServer, asked.listener.signal)
      asked.listener.signal.throwIfAborted()
    }
  }
  throw new Error('the store changes its owner all the time: try again')
}

async function doneHere<Name extends JobName>(
  { name, ask, listener, say }: Asked<Name>,
  owner: StoreOwner,
): Promise<AnswerOf<Name>> {
  const job = owner.jobs[name] as unknown as Job<
    AskOf<Name>,
    AnswerOf<Name>,
    RowOf<Name>,
    ProgressOf<Name>
  >
  const { signal, progress } = listener
  try {
    const rows = async (rows: readonly RowOf<Name>[]): Promise<void> => await listener.rows(rows)
    return await begun(job(ask, { signal, progress, rows }))
  } finally {
    await drained(owner, signal, say)
    await owner.close()
  }
}

/** Who interrupts while others are waited for waits no longer. */
async function drained(
  owner: StoreOwner,
  signal: AbortSignal,
  say: (sentence: string) => void,
): Promise<void> {
  const drained = owner.drain()
  if ((await within(SILENT_MAX_MS, drained)) !== 'slow') return
  if (signal.aborted) return await drained
  say(OTHERS_LEFT)
  await Promise.race([drained, once(signal, 'abort')])
}

/** From here on what the disk does is the job's failure: nothing has to be set right to begin it. */
async function begun<Answer>(job: Promise<Answer>): Promise<Answer> {
  try {
    return await job
  } catch (error) {
    throw error instanceof StoreError ? new Error(error.message, { cause: error }) : error
  }
}

/** Of a store that nothing is kept in: it goes with the process. */
function folderForNow(): string {
  const folder = mkdtempSync(join(tmpdir(), 'regmirror-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Its log goes where people read, around the line that shows the progress. */
async function openStoreOwner(
  config: Config,
  folder: string,
  { name, log }: { readonly name: string; readonly log: Logger | undefined },
  beforeWords: () => void,
): Promise<StoreOwner> {
  const [{ openLog }, { openOwner }] = await Promise.all([
    import('../lib/log.ts'),
    import('../own-store.ts'),
  ])
  const output = {
    isTTY: process.stderr.isTTY,
    write: (text: string) => {
      beforeWords()
      process.stderr.write(text)
    },
  }
  return await openOwner(config, log ?? openLog(config.log, output), name, folder)
}

/** What a command is about. */
function firstSentences(
  folder: string,
  { facts }: LivingOwner,
  typed: readonly string[],
): readonly string[] {
  const { command, pid } = facts
  const who = command === 'serve' ? 'the running server' : `the running regmirror ${command}`
  const first = `${folder}, through ${who} (pid ${pid})`
  if (typed.length === 0) return [first]
  const [verb, own] = typed.length === 1 ? ['is', 'setting counts'] : ['are', 'settings count']
  return [first, `${typed.join(', ')} ${verb} ignored: its own ${own}`]
}

/** Typed for this command, of those that are of no use to who does not own the store. */
function storeSettings(effective: LoadedConfig['effective']): readonly string[] {
  return Object.entries(effective)
    .filter(([name, given]) => !COMMANDS_OWN.includes(name) && given[0]?.source === 'flag')
    .map(([name]) => `--${name}`)
}
