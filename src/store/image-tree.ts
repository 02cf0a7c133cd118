// One image with all that hangs on it: how much of it is stored, and how much of that is its own.

import type { Statement } from 'better-sqlite3'
import type { Digest } from '../oci/digest.ts'
import type { HeldImage } from './reader-port.ts'
import type { readerStatements } from './reader-statements.ts'

type ReaderSql = Record<keyof typeof readerStatements, Statement>
export type DescribedImage = Pick<
  HeldImage,
  'platforms' | 'sizeBytes' | 'sharedBytes' | 'storedAt' | 'usedAt'
>

interface Edge {
  readonly child: Digest
  readonly kind: 'manifest' | 'blob'
  readonly platform: string | null
  /** Of a blob that is held. */
  readonly storedBytes: number | null
}

interface ManifestFacts {
  readonly size: number
  readonly storedAt: number
  readonly usedAt: number | null
}

/** An index lists its attestations under this one; nobody pulls them as a platform. */
const NO_PLATFORM = 'unknown/unknown'

/** Undefined where its manifest is not held. What is in use counts as shared. */
export function describeImage(
  sql: ReaderSql,
  root: Digest,
  inUse: readonly Digest[] = [],
): DescribedImage | undefined {
  const top = sql.manifest.get({ digest: root }) as ManifestFacts | undefined
  if (!top) return undefined
  const manifests = new Map([[root, { ...top, edges: edgesOf(sql, root) }]])
  const blobs = new Map<Digest, number | null>()
  // A map can grow while it is walked: what is added is walked too.
  for (const { edges } of manifests.values()) {
    for (const { child, kind, storedBytes } of edges) {
      if (kind === 'blob') {
        blobs.set(child, storedBytes)
      } else if (!manifests.has(child)) {
        const facts = sql.manifest.get({ digest: child }) as ManifestFacts | undefined
        if (facts) manifests.set(child, { ...facts, edges: edgesOf(sql, child) })
      }
    }
  }

  const isComplete = (manifest: Digest): boolean =>
    (manifests.get(manifest)?.edges ?? []).every(
      ({ kind, storedBytes }) => kind === 'manifest' || storedBytes !== null,
    )
  const isNamedElsewhere = sharedBy(sql, root, new Set(manifests.keys()))
  const isShared = (digest: Digest): boolean => inUse.includes(digest) || isNamedElsewhere(digest)
  const sizes = [
    ...Array.from(manifests, ([digest, { size }]) => ({ digest, size })),
    ...Array.from(blobs, ([digest, size]) => ({ digest, size: size ?? 0 })),
  ]
  const uses = [...manifests.values()].flatMap(({ usedAt }) => usedAt ?? [])
  const children = (manifests.get(root)?.edges ?? []).filter(({ kind }) => kind === 'manifest')
  const held = children.filter(({ child }) => manifests.has(child))
  return {
    platforms:
      children.length === 0
        ? [{ platform: '', isComplete: isComplete(root) }]
        : platformsOf(held, isComplete),
    sizeBytes: sumOf(sizes),
    sharedBytes: sumOf(sizes.filter(({ digest, size }) => size > 0 && isShared(digest))),
    storedAt: top.storedAt,
    usedAt: uses.length === 0 ? undefined : Math.max(...uses),
  }
}

/** An index may list a platform more than once (Windows by its build); one that is whole is enough. */
function platformsOf(
  children: readonly Edge[],
  isComplete: (manifest: Digest) => boolean,
): HeldImage['platforms'] {
  const platforms = new Map<string, boolean>()
  for (const { child, platform } of children) {
    const name = platform ?? ''
    if (name === NO_PLATFORM) continue
    platforms.set(name, platforms.get(name) === true || isComplete(child))
  }
  return Array.from(platforms, ([platform, whole]) => ({ platform, isComplete: whole }))
}

/** How many rows of `ls` are this very image. */
export function rowsOf(sql: ReaderSql, digest: Digest): { tagged: number; untagged: number } {
  return sql.rowsOf.get({ digest }) as { tagged: number; untagged: number }
}

/** Whether something outside of the tree names it, be it a tag, or names what names it. */
function sharedBy(
  sql: ReaderSql,
  root: Digest,
  tree: ReadonlySet<Digest>,
): (digest: Digest) => boolean {
  const known = new Map<Digest, boolean>()
  const isShared = (digest: Digest): boolean => {
    const before = known.get(digest)
    if (before !== undefined) return before
    const isTagged = digest !== root && tree.has(digest) && rowsOf(sql, digest).tagged > 0
    const found = isTagged || hasOtherParent(digest)
    known.set(digest, found)
    return found
  }
  const hasOtherParent = (child: Digest): boolean => {
    // A base layer may have ten thousand parents: with one more than the tree has, one is another's.
    const limit = tree.size + 1
    const parents = sql.parents.all({ child, limit }) as { parent: Digest }[]
    return parents.some(({ parent }) => !tree.has(parent) || isShared(parent))
  }
  return isShared
}

function edgesOf(sql: ReaderSql, parent: Digest): readonly Edge[] {
  return sql.edges.all({ parent }) as Edge[]
}

function sumOf(sizes: readonly { readonly size: number }[]): number {
  return sizes.reduce((sum, { size }) => sum + size, 0)
}
