// Has a job done by whoever owns the store: a running server, or this command itself.

import type { AnswerOf, AskOf, Job, JobName, JobProgress, ProgressOf, RowOf } from '../care/jobs.ts'
import type { StoreOwner } from '../own-store.ts'
import type { Config } from '../config/config.ts'
import type { LoadedConfig } from '../config/load.ts'
import { StoreError } from '../errors.ts'
import { askOwner } from '../owner/client.ts'
import type { Listener, LivingOwner } from '../owner/client.ts'
import { ownOrFind } from '../owner/contend.ts'
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
  /** Instead of a line of its own for what is said before the job begins. */
  say?(sentence: string): void
  /** No progress is shown: the output is for a program. */
  readonly isQuiet?: boolean
  /** Where there is no store yet, one is begun in the folder that a server would take. */
  readonly beginsStore?: boolean
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
  readonly beginsStore: boolean
  say(sentence: string): void
}

/** Settings that mean the command itself, or where it looks, whoever owns the store. */
const COMMANDS_OWN = ['data', 'log', 'log-level']
/** Each takes as long as an owner may take to start or to leave. */
const TRIES_MAX = 20

/** Says which folder it is about. Throws what explainFailure knows. */
export async function runJob<Name extends JobName>(
  name: Name,
  ask: AskOf<Name>,
  { flags, problems }: Pick<TypedFlags, 'flags' | 'problems'>,
  shown: JobShown<Name> | ((config: Config) => JobShown<Name>) = {},
): Promise<JobDone<AnswerOf<Name>>> {
  const { loadConfig } = await import('../config/load.ts')
  const loaded = loadConfig(flags, problems)
  const {
    onRows,
    onProgress,
    beginsStore = false,
    ...how
  } = typeof shown === 'function' ? shown(loaded.config) : shown
  const line = new ProgressLine(process.stderr, Date.now, loaded.config.isTerminalDumb)
  const clear = (): void => (how.clear === undefined ? line.clear() : how.clear())
  const interruption = watchInterruption(clear)
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
    const sayFirst = (sentence: string): void => (how.say ?? say)(sentence)
    const asked = { name, ask, listener, beginsStore, say: sayFirst }
    const answer = await done(asked, loaded, clear)
    const { exitCode } = interruption
    return { answer, exitCode, isInterrupted: exitCode !== 0 }
  } catch (error) {
    if (interruption.isReaderGone) process.exit(0)
    if (!interruption.signal.aborted) throw error
    say('interrupted')
    process.exit(interruption.exitCode)
  } finally {
    clear()
  }
}

/** An owner that leaves before it took the job is followed by another, perhaps by this command. */
async function done<Name extends JobName>(
  asked: Asked<Name>,
  { config, effective, folders }: LoadedConfig,
  beforeWords: () => void,
): Promise<AnswerOf<Name>> {
  const typed = storeSettings(effective)
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const { folder, owner } = await findStore(folders, asked.beginsStore ? config.data : undefined)
    const open = async (): Promise<StoreOwner> => {
      requireDataFolder(folder, effective.data[0]?.origin ?? 'default')
      return await openStoreOwner({ ...config, data: folder }, asked.name, beforeWords)
    }
    const isNew = !holdsStore(folder)
    const found = owner ? { living: owner } : await ownOrFind(folder, open, () => true)
    if ('owned' in found) {
      asked.say(`${folder},${isNew ? ' a new store,' : ''} opened by this command`)
      return await doneHere(asked, found.owned)
    }
    firstSentences(folder, found.living, typed).forEach((sentence) => asked.say(sentence))
    const { name, ask, listener } = asked
    const answer = await begun(askOwner(found.living, name, ask, listener))
    if (answer !== 'gone') return answer
  }
  throw new Error('the store changes its owner all the time: try again')
}

async function doneHere<Name extends JobName>(
  { name, ask, listener }: Asked<Name>,
  owner: StoreOwner,
): Promise<AnswerOf<Name>> {
  const job = owner.jobs[name] as unknown as Job<
    AskOf<Name>,
    AnswerOf<Name>,
    RowOf<Name>,
    ProgressOf<Name>
  >
  const { signal, progress } = listener
  // Lists of others would be warmed for hours by a command that was told to go.
  const stopOthers = (): void => void owner.stopWarming()
  try {
    const rows = async (rows: readonly RowOf<Name>[]): Promise<void> => await listener.rows(rows)
    const answer = job(ask, { signal, progress, rows })
    signal.addEventListener('abort', stopOthers)
    return await begun(answer)
  } finally {
    if (signal.aborted) await owner.stopWarming()
    signal.removeEventListener('abort', stopOthers)
    await owner.close()
  }
}

/** From here on what the disk does is the job's failure: nothing has to be set right to begin it. */
async function begun<Answer>(job: Promise<Answer>): Promise<Answer> {
  try {
    return await job
  } catch (error) {
    throw error instanceof StoreError ? new Error(error.message, { cause: error }) : error
  }
}

/** Its log goes where people read, around the line that shows the progress. */
async function openStoreOwner(
  config: Config,
  command: string,
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
  return await openOwner(config, openLog(config.log, output), command)
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
