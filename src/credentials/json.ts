// JSON that has secrets in it: what is wrong with it is never told in its own words.

export type Fields = Readonly<Record<string, unknown>>

/** Undefined for what is no JSON object. */
export function parseObject(text: string): Fields | undefined {
  try {
    // Windows editors begin a file with a mark.
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
