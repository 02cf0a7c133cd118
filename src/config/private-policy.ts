// `deny`, `everyone` or `GLOB[,GLOB...]`: who may read what only a login can read.

import type { PrivatePolicy } from './config.ts'
import type { Parsed } from './parsed.ts'
import { hideLogins, quote, suggestion } from './wording.ts'
import { canonicalRegistry } from './well-known.ts'

const WORDS = ['deny', 'everyone'] as const
/** What repository names are made of, and what globs add to that. */
const GLOB = /^[a-z0-9._/*?{},!()[\]+@|-]+$/

export function parsePrivatePolicy(text: string, registry: string): Parsed<PrivatePolicy> {
  const parts = splitGlobs(text)
  const word = WORDS.find((known) => parts.includes(known))
  if (word !== undefined && parts.length === 1) return { value: word }
  if (word !== undefined) {
    return { problem: `${quote(word)} stands alone: it says all, so no list can go with it` }
  }
  const problem = parts.map((glob) => globProblem(glob, registry)).find((each) => each)
  return problem === undefined ? { value: parts } : { problem }
}

/** Commas inside braces belong to a glob. */
function splitGlobs(text: string): readonly string[] {
  return text.split(/,(?![^{]*\})/).map((glob) => glob.trim())
}

function globProblem(glob: string, registry: string): string | undefined {
  const [first = '', ...rest] = glob.split('/')
  if (rest.length > 0 && canonicalRegistry(first.toLowerCase()) === registry) {
    return (
      `${quote(glob)} begins with the registry’s own name, and repositories are named without it: ` +
      `write ${hideLogins(rest.join('/'))}`
    )
  }
  const hint = suggestion(glob, WORDS)
  // A word close to one of the two is more likely a slip than a repository.
  const isSlip = hint !== '' && rest.length === 0
  if (GLOB.test(glob) && !/^\/|\/$/.test(glob) && !isSlip) return undefined
  return (
    `${quote(glob)} is neither deny, everyone nor a glob over repository names in lower case, ` +
    `such as myorg/*${hint}`
  )
}
