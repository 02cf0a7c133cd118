// What one line of a list can say.

import type { Block, EntryOptions, Exclude, ListEntry, RegistryRule, Window } from './list-entry.ts'

/** As it was written: what `@defaults` adds to it is not here. */
export interface WrittenEntry extends Pick<ListEntry, 'name' | 'selectors'> {
  readonly options: EntryOptions
}

export type WrittenBlock = Pick<Block, 'name' | 'tags'>
export type TagRule = Pick<Exclude, 'kind' | 'pattern'>
export type WrittenRegistryRule = Omit<RegistryRule, 'place'>
export type WrittenWindow = Omit<Window, 'place'>

export type Directive =
  /** For the lines below it, to the end of its file. */
  | { readonly kind: 'defaults'; readonly options: EntryOptions }
  | { readonly kind: 'include'; readonly file: string }
  | { readonly kind: 'exclude'; readonly rules: readonly TagRule[] }
  | { readonly kind: 'registry'; readonly rule: WrittenRegistryRule }
  | { readonly kind: 'window'; readonly window: WrittenWindow }
  | { readonly kind: 'bandwidth'; readonly bytesPerSecond: number }

export type Statement =
  | { readonly kind: 'entry'; readonly entry: WrittenEntry }
  | { readonly kind: 'block'; readonly block: WrittenBlock }
  | { readonly kind: 'directive'; readonly directive: Directive }
