// What a list says, line by line. The grammar: parse-list.ts.

import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/name.ts'

/** Where something is written. */
export interface Place {
  /** The file as it was named, `standard input`, or `command line`. */
  readonly source: string
  /** From 1. On the command line: which of the references. */
  readonly line: number
}

/** Which tags of a repository a line means. */
export type Selector =
  /** With a digest: that one, by this name. */
  | { readonly kind: 'tag'; readonly tag: Tag; readonly digest: Digest | undefined }
  | { readonly kind: 'digest'; readonly digest: Digest }
  /** The whole tag: `1.2*`, `{1.24,1.25}-alpine`. */
  | { readonly kind: 'glob'; readonly pattern: string }
  /** Found anywhere in the tag, unless it is anchored. Without the `^` that introduces it being lost. */
  | { readonly kind: 'regex'; readonly pattern: string }

/** Options behind the reference; what is not given is not there. */
export interface EntryOptions {
  /** `platforms=linux/amd64,linux/arm64`, `platforms=all`: instead of those of the command. */
  readonly platforms?: readonly string[]
  /** That it does not exist is worth a note, no failure. */
  readonly isOptional?: boolean
}

export interface ListEntry {
  readonly place: Place
  /** The line as it stands there, without what ends it. */
  readonly text: string
  /** The repository as typed: `nginx`, `ghcr.io/org/app`. Which one that is only the mirror's settings tell. */
  readonly name: string
  /** At least one; a line without a tag means `latest`. */
  readonly selectors: readonly Selector[]
  readonly options: EntryOptions
}

export interface ListProblem extends Place {
  /** From 1, in characters. */
  readonly column: number
  /** What is wrong there and what to write instead, a sentence without the place. */
  readonly message: string
}

export interface ParsedList {
  readonly entries: readonly ListEntry[]
  readonly problems: readonly ListProblem[]
}
