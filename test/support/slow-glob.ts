// Globs as lists have them, matched by trying everything: for src/list/pattern.ts to agree with.

/** Braces are written out first, then each sign of the glob takes what it can. */
export function globMatches(glob: string, tag: string): boolean {
  return withoutBraces(glob).some((each) => takes(each, tag))
}

function withoutBraces(glob: string): readonly string[] {
  const end = glob.indexOf('}')
  if (end < 0) return [glob]
  const open = glob.lastIndexOf('{', end)
  const alternatives = glob.slice(open + 1, end).split(',')
  return alternatives.flatMap((each) =>
    withoutBraces(glob.slice(0, open) + each + glob.slice(end + 1)),
  )
}

function takes(glob: string, tag: string): boolean {
  if (glob === '') return tag === ''
  const [sign = ''] = glob
  if (sign === '*') return takes(glob.slice(1), tag) || (tag !== '' && takes(glob, tag.slice(1)))
  if (tag === '') return false
  if (sign !== '[') {
    return (sign === '?' || sign === tag[0]) && takes(glob.slice(1), tag.slice(1))
  }
  const end = glob.indexOf(']', 2)
  return isOneOf(tag[0] ?? '', glob.slice(1, end)) && takes(glob.slice(end + 1), tag.slice(1))
}

function isOneOf(sign: string, inside: string): boolean {
  if (inside.startsWith('!') || inside.startsWith('^')) return !isOneOf(sign, inside.slice(1))
  for (let at = 0; at < inside.length; at += 1) {
    const isSpan = inside[at + 1] === '-' && at + 2 < inside.length
    if (isSpan && sign >= (inside[at] ?? '') && sign <= (inside[at + 2] ?? '')) return true
    if (!isSpan && sign === inside[at]) return true
    if (isSpan) at += 2
  }
  return false
}
