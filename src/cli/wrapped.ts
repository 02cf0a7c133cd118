// Text as lines of a terminal, broken between words. Pure.

/** Narrower ones have no room for an indent. */
const INDENTED_FROM_COLUMNS = 40

/** A word that is longer than a line is broken by the terminal. `indent`: of all lines but the first. */
export function wrapped(text: string, columns: number, indent = 0): string {
  const margin = columns < INDENTED_FROM_COLUMNS ? '' : ' '.repeat(indent)
  const lines: string[] = []
  // Runs of blanks stay: they align what stands in columns.
  for (const [word, blanks = ''] of text.matchAll(/( *)[^ ]+/g)) {
    const last = lines.at(-1)
    const isTooLong = word.length - blanks.length > columns - margin.length
    if (last === undefined) lines.push(word)
    else if (isTooLong || usedOf(last, columns) + word.length <= columns) {
      lines[lines.length - 1] = last + word
    } else lines.push(margin + word.slice(blanks.length))
  }
  return lines.join('\n')
}

/** Of its last line, where the terminal has broken it. */
function usedOf({ length }: string, columns: number): number {
  return length === 0 ? 0 : ((length - 1) % columns) + 1
}
