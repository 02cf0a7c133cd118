// WWW-Authenticate as registries really write it (RFC 9110 section 11.6.1, and its misreadings).

export interface Challenge {
  /** Lower-case. */
  readonly scheme: string
  /** Names in lower case; the first of two equal names wins; empty values are left out. */
  readonly parameters: ReadonlyMap<string, string>
}

/** Where to ask for a token, as the registry wrote it. */
export interface BearerChallenge {
  readonly realm: string
  readonly service: string | undefined
  readonly scope: string | undefined
}

/**
 * Reads several headers and several challenges in one header, never failing: what cannot be read is
 * skipped. A word followed by `=` is a parameter, any other word starts a challenge.
 */
export function parseChallenges(headers: string | readonly string[] | undefined): Challenge[] {
  if (headers === undefined) return []
  return (typeof headers === 'string' ? [headers] : headers).flatMap(parseHeader)
}

export function offersBasic(challenges: readonly Challenge[]): boolean {
  return challenges.some(({ scheme }) => scheme === 'basic')
}

/** The first Bearer challenge that names a realm. */
export function bearerChallenge(challenges: readonly Challenge[]): BearerChallenge | undefined {
  for (const { scheme, parameters } of challenges) {
    const realm = parameters.get('realm')
    if (scheme !== 'bearer' || realm === undefined) continue
    return { realm, service: parameters.get('service'), scope: parameters.get('scope') }
  }
  return undefined
}

const WORD = /[^\s,="]+/y
const EQUALS = /\s*=\s*/y
/** Registries leave out the quotes around values with `:` and `/` in them. */
const BARE_VALUE = /[^\s,"]+/y
/** An unterminated string runs to the end. */
const QUOTED_VALUE = /"((?:[^"\\]|\\.)*)"?/sy

function parseHeader(text: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = []
  let position = 0
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = position
    const match = pattern.exec(text)
    if (match) position = pattern.lastIndex
    return match ?? undefined
  }
  while (position < text.length) {
    const word = take(WORD)?.[0]
    if (word === undefined) {
      position++
    } else if (take(EQUALS)) {
      const value = take(QUOTED_VALUE)?.[1]?.replace(/\\(.)/gs, '$1') ?? take(BARE_VALUE)?.[0] ?? ''
      const parameters = challenges.at(-1)?.parameters
      const name = word.toLowerCase()
      if (parameters && value !== '' && !parameters.has(name)) parameters.set(name, value)
    } else {
      challenges.push({ scheme: word.toLowerCase(), parameters: new Map() })
    }
  }
  return challenges
}
