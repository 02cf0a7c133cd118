// How far a warm run is, in words. Pure.

import type { WarmInFlight, WarmProgress } from '../care/warm-job.ts'
import { formatBytes } from '../lib/units.ts'
import { withShortDigest } from './columns.ts'

/** Named by a heartbeat. */
const RUNNING_NAMED_MAX = 3
/** An end that is further away is no help. */
const ETA_MAX_S = 100 * 3600

/** What counts most first: a narrow terminal shows only the first of them. */
export function progressParts(progress: WarmProgress): readonly string[] {
  const { failed, running, bytesNew, bytesTotal, bytesPerSecond, quotas } = progress
  const eta = etaText(progress)
  return [
    ...countText(progress),
    ...(bytesNew > 0 || bytesTotal !== undefined ? [bytesText(bytesNew, bytesTotal)] : []),
    ...(bytesPerSecond > 0 ? [`${formatBytes(bytesPerSecond)}/s`] : []),
    ...(eta === undefined ? [] : [`ETA ${eta}`]),
    ...(running > 0 ? [`${running} running`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...quotas.map(({ registry, remaining }) => `${registry} ${remaining} left`),
  ]
}

/** What it waits for, where it does. */
export function waitText({ phase, waitingFor }: WarmProgress): string | undefined {
  if (waitingFor !== undefined) return waitingFor
  if (phase === 'waiting') return 'waiting for another run to end'
  return phase === 'ending' ? 'ending in good order' : undefined
}

export function heartbeatText(progress: WarmProgress): string {
  const running = progress.inFlight.slice(0, RUNNING_NAMED_MAX).map(runningText)
  const wait = waitText(progress)
  return [
    progressParts(progress).join(', '),
    ...(running.length > 0 ? [`now ${running.join(', ')}`] : []),
    ...(wait === undefined ? [] : [wait]),
  ]
    .filter((part) => part !== '')
    .join('; ')
}

/** `:sha256-....sig`: named after the digest of what it signs. */
const DIGEST_TAG = /(:sha256-[0-9a-f]{12})[0-9a-f]{52}/

/** As people know Docker's own images; a digest as short as `rm` takes it, also in the name of a tag. */
export function shortName(reference: string): string {
  const name = reference.replace(/^docker\.io\/library\//, '').replace(DIGEST_TAG, '$1')
  return withShortDigest(name)
}

export function percentText({ doneBytes, totalBytes }: WarmInFlight): string | undefined {
  if (totalBytes === undefined || totalBytes <= 0) return undefined
  return `${Math.floor(100 * shareOf(doneBytes, totalBytes))} %`
}

/** From 0 to 1. */
export function shareOf(doneBytes: number, totalBytes: number): number {
  return Math.min(1, Math.max(0, doneBytes / totalBytes))
}

/** `1.9 GiB of 6.4 GiB` */
export function bytesText(doneBytes: number, totalBytes: number | undefined): string {
  const done = formatBytes(doneBytes)
  return totalBytes === undefined ? done : `${done} of ${formatBytes(totalBytes)}`
}

function countText({ phase, done, total }: WarmProgress): readonly string[] {
  if (phase === 'waiting') return []
  return [phase === 'planning' ? `${done}/${total} looked up` : `${done}/${total} images`]
}

/** `01:52`, `3:01:52`; undefined while the whole is not known. */
function etaText(progress: WarmProgress): string | undefined {
  const { phase, bytesNew, bytesTotal, bytesPerSecond } = progress
  if (phase !== 'blobs' || bytesTotal === undefined || bytesPerSecond <= 0) return undefined
  const seconds = Math.ceil(Math.max(0, bytesTotal - bytesNew) / bytesPerSecond)
  if (seconds > ETA_MAX_S) return undefined
  const hours = Math.floor(seconds / 3600)
  const rest = [Math.floor(seconds / 60) % 60, seconds % 60]
  const digits = rest.map((part) => String(part).padStart(2, '0')).join(':')
  return hours > 0 ? `${hours}:${digits}` : digits
}

function runningText(image: WarmInFlight): string {
  const percent = percentText(image)
  return shortName(image.reference) + (percent === undefined ? '' : ` (${percent})`)
}
