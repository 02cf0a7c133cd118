// What the parser of one value gives back: the value, or the rest of a sentence that names its origin.

export type Parsed<T> = { readonly value: T } | { readonly problem: string }
