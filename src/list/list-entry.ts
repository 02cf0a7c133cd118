// What a list says, line by line. The grammar: parse-list.ts.

import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/name.ts'

/** A list as it was read, with what it includes. */
export interface ListText {
  /** The file as it was named, `standard input`, or `command line`. */
  readonly name: string
  /** Of a file: absolute, by which its pins and its runs are known. Undefined: nothing that stays. */
  readonly path?: string | undefined
  readonly text: string
  /** What its `@include` lines name, by whoever can read files; the parser only puts it in its place. */
  readonly includes?: readonly Included[]
}

export interface Included {
  /** Of the `@include` line, from 1. */
  readonly line: number
  readonly list: ListText
}

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

/**
 * What a line without tags means:
 * - `latest+used`, the default: `latest`, where there is none the newest version, and what clients used
 * - `latest`, `used`: one of both; `versions`: every tag that is a version; `all`
 * - `daocloud`: as the scripts of public-image-mirror read such lines from 2022 on, with their excludes
 */
export type Bare = 'latest+used' | 'latest' | 'used' | 'versions' | 'all' | 'daocloud'

/** Options behind the reference, or of `@defaults`; what is not given is not there. */
export interface EntryOptions {
  /** `linux/amd64`; `all` alone; `host`: that of the machine that warms. Instead of those of the command. */
  readonly platforms?: readonly string[]
  /** `yes`: signatures, attestations, SBOMs, whatever refers to it; or only of these artifact types. */
  readonly referrers?: 'no' | 'yes' | readonly string[]
  /** So many of the versions that the line selects, the highest. At least 1. */
  readonly newest?: number
  /** A range as npm's semver reads it; it was read once and is right. */
  readonly semver?: string
  /** Of `16.1-alpine` it is `alpine`; `''`: versions without one. */
  readonly variant?: string
  /** Globs of tags that the line does not mean, unless it names them. */
  readonly not?: readonly string[]
  /** Fewer selected tags are a failure; default 1. */
  readonly min?: number
  /** More selected tags are a failure; default 50. */
  readonly max?: number
  /** That it does not exist is worth a note, no failure. */
  readonly isOptional?: boolean
  /** A tag is not looked up again within this, in ms; `never`: not once it is held whole. Default: always. */
  readonly every?: number | 'always' | 'never'
  /** Every tag, too, that clients used within this, in ms. */
  readonly usedMs?: number
  /** How long it stays pinned after it left the list, in ms; `pin`: until somebody removes it. */
  readonly keep?: number | 'pin'
  readonly priority?: 'high' | 'normal' | 'low'
  /** Larger images are passed over with a note. */
  readonly maxSizeBytes?: number
  readonly bare?: Bare
}

export interface ListEntry {
  readonly place: Place
  /** The line as it stands there, without what ends it. */
  readonly text: string
  /**
   * The repository as typed: `nginx`, `ghcr.io/org/app`. Which one that is only the mirror's settings
   * tell. With `*` in its last components (`ghcr.io/org/*`, `quay.io/**`): see name-pattern.ts.
   */
  readonly name: string
  /** None: a line without tags, whose meaning `bare`, `newest`, `semver` and `variant` tell. */
  readonly selectors: readonly Selector[]
  /** Its own, and the `@defaults` above it where it has none of its own. */
  readonly options: EntryOptions
  /** Those written in the line itself. */
  readonly ownOptions: EntryOptions
}

/** `!docker.io/library/*:*-windows*`: never warmed, and never served where the list says what may be. */
export interface Block {
  readonly place: Place
  readonly text: string
  /** As of an entry; may have `*` anywhere. */
  readonly name: string
  /** A glob; undefined: every tag. */
  readonly tags: string | undefined
}

/** `@exclude *-rc* ^2019`: no pattern of the list selects these. */
export interface Exclude {
  readonly place: Place
  readonly kind: 'glob' | 'regex'
  readonly pattern: string
}

/** `@registry docker.io reserve=30 jobs=2 rps=5 alias=hub.lan` */
export interface RegistryRule {
  readonly place: Place
  /** As typed. */
  readonly host: string
  /** Pulls that it is left with. */
  readonly reserve?: number
  /** Images of it at once. */
  readonly jobs?: number
  /** Requests per second; may be a fraction. */
  readonly requestsPerSecond?: number
  /** Other names of it, in this list. */
  readonly aliases: readonly string[]
}

/** `@window 01:00-06:00 tz=Europe/Berlin`: when runs may begin by themselves, and when they end. */
export interface Window {
  readonly place: Place
  /** Minutes since midnight; `to` may be less than `from`, on the next day then. Never the same. */
  readonly from: number
  readonly to: number
  /** An IANA name; undefined: that of the machine. */
  readonly timeZone: string | undefined
}

export interface ListProblem extends Place {
  /** From 1, in characters. */
  readonly column: number
  /** What is wrong there and what to write instead, a sentence without the place. */
  readonly message: string
  /** The line that was meant, where that is clear: `nginx` for `docker pull nginx`. */
  readonly instead?: string | undefined
}

/** Directives and blocks are of the whole list, wherever in it or in what it includes they stand. */
export interface ParsedList {
  readonly entries: readonly ListEntry[]
  readonly blocks: readonly Block[]
  readonly excludes: readonly Exclude[]
  readonly registries: readonly RegistryRule[]
  readonly windows: readonly Window[]
  /** Of `@bandwidth`; the smallest of several. */
  readonly bytesPerSecond: number | undefined
  readonly problems: readonly ListProblem[]
}

/**
 * How a tag came to be selected: written in the line; matched by its pattern, or what `bare` stands for;
 * the newest version for want of a `latest`; used by clients.
 */
export type ChosenBy = 'written' | 'pattern' | 'latest' | 'newest-version' | 'used'

/** Why a tag that upstream lists is not selected, in the order of the evaluation (select-tags.ts). */
export type DropReason =
  /** What upstream lists cannot be a tag. */
  | 'no-tag'
  | 'unmatched'
  | 'semver'
  | 'variant'
  /** By `@exclude`, `not=`, `!`. */
  | 'excluded'
  | 'not'
  | 'blocked'
  /** By `newest=`: it is no version; there are releases; a better tag of its version; newer versions. */
  | 'no-version'
  | 'prerelease'
  | 'same-version'
  | 'older'
