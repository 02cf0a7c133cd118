// What an allow list costs: how long the mirror takes to tell whether a name may be had, by a list of
// the size and the mixture of one that a public mirror keeps. In this process, without a request.
import { creatingAccess } from '../../../src/list/access.ts'
import type { Access } from '../../../src/list/access.ts'
import { parseList } from '../../../src/list/parse-list.ts'
import { atOnce } from '../../../src/list/steps.ts'
import { canonicalNamed, repositoryNamed } from '../../../src/mirror/target.ts'
import { parseTag } from '../../../src/oci/name.ts'
import type { Repository, Tag } from '../../../src/oci/name.ts'
import { addressing } from '../../support/addressing.ts'
import { campaign } from '../../support/seed.ts'
import type { Part } from '../part.ts'

// Lines that name one repository, lines that end in `/*`, and in `/**`.
const LINES = [
  { registry: 'docker.io', named: 640, below: 300, deep: 52 },
  { registry: 'ghcr.io', named: 150, below: 40, deep: 34 },
  { registry: 'quay.io', named: 35, below: 10, deep: 13 },
  { registry: 'lab.test:5000', named: 20, below: 2, deep: 25 },
]
const NAMES = campaign(500_000)

export const allow: Part = async (stage) => {
  const named = LINES.flatMap((each) =>
    names(each.registry, each.named, (n) => `org-${n % 90}/app-${n}`),
  )
  const below = LINES.flatMap((each) => names(each.registry, each.below, (n) => `team-${n}/*`))
  const deep = LINES.flatMap((each) => names(each.registry, each.deep, (n) => `all-${n}/**`))
  const lines = [...named, ...below, ...deep]
  stage.say(`a list of ${lines.length} lines, ${below.length + deep.length} of them with *`)
  const access = () =>
    atOnce(
      creatingAccess(
        { allow: parseList({ name: 'allows.txt', text: lines.join('\n') }), block: undefined },
        (name) => canonicalNamed(name, addressing),
      ),
    )
  const asked = {
    'named by a line': named,
    'under a line with *': below.map((line) => line.replace('*', 'app')),
    'under a line with **': deep.map((line) => line.replace('**', 'a/b/app')),
    'on no line': named.map((line) => `${line}-too`),
    'on no line, beside one with *': below.map((line) => line.replace('*', 'a/b')),
  }

  return async (round) => {
    await round.measure(`reading ${lines.length} lines`, 'regmirror', async () => {
      const started = performance.now()
      access()
      return { total: (performance.now() - started) / 1000 }
    })
    for (const [what, typed] of Object.entries(asked)) {
      await round.measure(`verdict on a name ${what}`, 'regmirror', async () => ({
        perName: microseconds(access(), typed.map(repositoryOf), what.startsWith('on no line')),
      }))
    }
  }
}

function names(registry: string, count: number, name: (n: number) => string): string[] {
  return Array.from({ length: count }, (_, n) => `${registry}/${name(n)}`)
}

function repositoryOf(typed: string): Repository {
  const repository = repositoryNamed(typed, addressing)
  if (repository === undefined) throw new Error(`${typed} is no name`)
  return repository
}

function microseconds(
  access: Access,
  repositories: readonly Repository[],
  isDenied: boolean,
): number {
  const tag = parseTag('1.27') as Tag
  let denied = 0
  const started = performance.now()
  for (let n = 0; n < NAMES; n += 1) {
    const repository = repositories[n % repositories.length]
    if (repository && access.verdict(repository, tag) !== 'allowed') denied += 1
  }
  const took = performance.now() - started
  if (denied !== (isDenied ? NAMES : 0)) throw new Error(`${denied} of ${NAMES} names denied`)
  return (took * 1000) / NAMES
}
