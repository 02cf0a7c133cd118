// Whatever a list can say: statements as the parser gives them, and texts of whole lists.

import fc from 'fast-check'
import { effectiveOptions } from '../../src/list/fitting-options.ts'
import type { EntryOptions, Selector } from '../../src/list/list-entry.ts'
import { statementText } from '../../src/list/print-line.ts'
import type {
  Directive,
  Statement,
  TagRule,
  WrittenBlock,
  WrittenEntry,
} from '../../src/list/statement.ts'
import { parseDigest } from '../../src/oci/digest.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { parseTag } from '../../src/oci/name.ts'
import type { Tag } from '../../src/oci/name.ts'

export const hosts = fc.constantFrom(
  ...['docker.io', 'ghcr.io', 'GHCR.io', 'quay.io', 'k8s.gcr.io', 'registry.k8s.io'],
  ...['localhost', 'localhost:5000', '10.0.0.5:5000', '[::1]:80', 'index.docker.io'],
)
const component = fc.stringMatching(/^[a-z0-9]{1,3}(?:(?:\.|_|__|-{1,2})[a-z0-9]{1,3})?$/)
const lastStar = fc.oneof(
  fc.constantFrom('*', '**'),
  fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,3}\*$/),
)
const path = fc.array(component, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))

/** Few of them, too, so that lines are about the same repository. */
export const names: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('nginx', 'library/nginx', 'docker.io/nginx', 'docker.io/library/nginx', 'redis'),
  fc.tuple(hosts, path).map((parts) => parts.join('/')),
  fc
    .tuple(fc.stringMatching(/^[a-z0-9]{1,6}$/), path)
    // A first component of this name would be a host.
    .map(([first, more]) => (first === 'localhost' ? 'local' : first) + `/${more}`),
)

/** They mean many repositories. */
export const patternNames: fc.Arbitrary<string> = fc.oneof(
  fc.tuple(hosts, lastStar).map((parts) => parts.join('/')),
  fc.tuple(hosts, path, lastStar).map((parts) => parts.join('/')),
)

export const tags: fc.Arbitrary<Tag> = fc
  .oneof(
    fc.constantFrom('latest', '1', '1.25', '1.25.3-alpine', 'v1.31.0', '2024.01.05', '16-rc.1'),
    fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,12}$/),
  )
  .map((text) => known(parseTag(text)))

export const digests: fc.Arbitrary<Digest> = fc
  .oneof(fc.stringMatching(/^sha256:[0-9a-f]{64}$/), fc.stringMatching(/^sha512:[0-9a-f]{128}$/))
  .map((text) => known(parseDigest(text)))

export const globs: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('*', '1.2?', '1.*', '*-rc*', '*-{alpine,slim}', '[0-9]*', '[!v]*', 'v[{,]*'),
  fc.tuple(tags, fc.constantFrom('*', '?', '[a-z]', '{a,b-*}')).map(([tag, sign]) => tag + sign),
)

/** What stands behind `:^` or between `/`. */
export const regexes: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('^v1\\.3[01]\\.', '-alpine$', '^(?:a|b){2}$', '^[0-9]+(?:\\.[0-9]+){1,2}$'),
  fc.constantFrom('a/b', '^a,b', '^x#y', '1:2', '^a@b', '\\d$', '^a="b"'),
  tags.map((tag) => `^${tag.replaceAll('.', '\\.')}(?:-[a-z]+)?$`),
)

const tagSelectors: fc.Arbitrary<readonly Selector[]> = fc.array(
  fc.oneof(
    tags.map((tag) => ({ kind: 'tag' as const, tag, digest: undefined })),
    globs.map((pattern) => ({ kind: 'glob' as const, pattern })),
  ),
  { minLength: 1, maxLength: 4 },
)

export const selectors: fc.Arbitrary<readonly Selector[]> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<readonly Selector[]>([]) },
  { weight: 5, arbitrary: tagSelectors },
  { weight: 1, arbitrary: regexes.map((pattern) => [{ kind: 'regex' as const, pattern }]) },
  { weight: 1, arbitrary: digests.map((digest) => [{ kind: 'digest' as const, digest }]) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(tags, digests)
      .map(([tag, digest]) => [{ kind: 'tag' as const, tag, digest }]),
  },
)

const durations = fc.oneof(
  fc.constantFrom(0, 3_600_000, 86_400_000, 30 * 86_400_000),
  fc.integer({ min: 1, max: 10 ** 11 }),
)
const sizes = fc.oneof(
  fc.constantFrom(20_000_000_000, 512 * 1024 ** 2),
  fc.integer({ min: 1, max: 2 ** 45 }),
)
const counts = fc.integer({ min: 1, max: 60 })
const platforms = fc.oneof(
  fc.constant(['all']),
  fc.uniqueArray(fc.constantFrom('linux/amd64', 'linux/arm64', 'linux/arm/v7', 'host'), {
    ...{ minLength: 1, maxLength: 3 },
  }),
)

/** Of `@defaults`, or of a line whatever it means: not each of them makes sense on each line. */
export const options: fc.Arbitrary<EntryOptions> = fc
  .record(
    {
      platforms,
      referrers: fc.oneof(
        fc.constantFrom('no' as const, 'yes' as const),
        fc.uniqueArray(fc.constantFrom('application/spdx+json', 'application/vnd.a.b.v1+json'), {
          ...{ minLength: 1 },
        }),
      ),
      newest: counts,
      semver: fc.constantFrom('>=1.24 <2', '~1.2', '1.x || >=3', '^2', '*', '1.2 - 1.4'),
      variant: fc.constantFrom('', 'alpine', 'alpine3.20-perl', 'slim'),
      not: fc.array(fc.oneof(globs, tags), { minLength: 1, maxLength: 3 }),
      min: counts,
      max: counts,
      isOptional: fc.constant(true),
      every: fc.oneof(durations, fc.constantFrom('always' as const, 'never' as const)),
      usedMs: durations,
      keep: fc.oneof(durations, fc.constant('pin' as const)),
      priority: fc.constantFrom('high' as const, 'normal' as const, 'low' as const),
      maxSizeBytes: sizes,
      bare: fc.constantFrom(
        ...(['latest+used', 'latest', 'used', 'versions', 'all', 'daocloud'] as const),
      ),
    },
    { requiredKeys: [], noNullPrototype: true },
  )
  .chain((all) => fc.subarray(Object.keys(all)).map((kept) => only(all, kept)))

export const entries: fc.Arbitrary<WrittenEntry> = fc
  .oneof(
    { weight: 6, arbitrary: plain({ name: names, selectors }) },
    { weight: 1, arbitrary: plain({ name: patternNames, selectors: fc.constant([]) }) },
  )
  .chain((line) => options.map((all) => ({ ...line, options: effectiveOptions(line, {}, all) })))

export const blocks: fc.Arbitrary<WrittenBlock> = plain({
  name: fc.oneof(
    names,
    patternNames,
    fc.constantFrom('docker.io/*/nginx', 'ghcr.io/**/app-*', 'quay.io/*-x/**', 'library/*'),
  ),
  tags: fc.option(fc.oneof(globs, tags), { nil: undefined }),
})

const rules: fc.Arbitrary<TagRule> = fc.oneof(
  fc.oneof(globs, tags).map((pattern) => ({ kind: 'glob' as const, pattern })),
  regexes.map((pattern) => ({ kind: 'regex' as const, pattern })),
)
const minutes = fc.integer({ min: 0, max: 24 * 60 - 1 })

/** All that a list says in its own file. */
export const directives: fc.Arbitrary<Directive> = fc.oneof(
  options
    .map((all) => effectiveOptions({ name: 'nginx', selectors: [] }, {}, all))
    .filter((all) => Object.keys(all).length > 0)
    .map((all) => ({ kind: 'defaults' as const, options: all })),
  fc
    .array(rules, { minLength: 1, maxLength: 4 })
    .map((each) => ({ kind: 'exclude' as const, rules: each })),
  fc
    .record(
      {
        host: hosts,
        reserve: fc.nat(1000),
        jobs: counts,
        requestsPerSecond: fc.constantFrom(0.5, 1, 5, 2.25),
        aliases: fc.uniqueArray(
          fc.constantFrom('hub.lan', 'localhost:5001', 'docker.io', 'k8s.gcr.io'),
          { minLength: 1 },
        ),
      },
      { requiredKeys: ['host', 'aliases'], noNullPrototype: true },
    )
    .map((rule) => ({ kind: 'registry' as const, rule })),
  plain({
    from: minutes,
    to: minutes,
    timeZone: fc.constantFrom(undefined, 'UTC', 'Europe/Berlin', 'America/New_York'),
  })
    .filter(({ from, to }) => from !== to)
    .map((window) => ({ kind: 'window' as const, window })),
  sizes.map((bytesPerSecond) => ({ kind: 'bandwidth' as const, bytesPerSecond })),
)

export const includes: fc.Arbitrary<Directive> = fc
  .constantFrom('base.txt', '../lists/a b.txt', '/etc/regmirror/x=y.txt', '#1.txt', ' .txt')
  .map((file) => ({ kind: 'include', file }))

/** Without `@include`: what that means depends on other files. */
export const statements: fc.Arbitrary<Statement> = fc.oneof(
  { weight: 6, arbitrary: entries.map((entry) => ({ kind: 'entry' as const, entry })) },
  { weight: 1, arbitrary: blocks.map((block) => ({ kind: 'block' as const, block })) },
  {
    weight: 1,
    arbitrary: directives.map((directive) => ({ kind: 'directive' as const, directive })),
  },
)

export const comments: fc.Arbitrary<string> = fc.constantFrom(
  ...['# why', '#', '## office ##', '#nginx:1.25', '# "', '# 🐳'],
)

/** Lines that are right, with comments and blank lines between, as somebody might have typed them. */
export const listTexts: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: statements.map(statementText) },
      {
        weight: 2,
        arbitrary: fc
          .tuple(statements, fc.constantFrom(' ', '\t', '   '), comments)
          .map(([statement, gap, comment]) => gap + statementText(statement) + gap + comment),
      },
      { weight: 2, arbitrary: comments },
      { weight: 2, arbitrary: fc.constantFrom('', '  ', '\t') },
    ),
    { maxLength: 14 },
  )
  .map((lines) => lines.map((line) => `${line}\n`).join(''))

/** As the parser makes objects. */
function plain<T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as unknown as fc.Arbitrary<T>
}

function only<T extends object>(all: T, kept: readonly string[]): T {
  return Object.fromEntries(Object.entries(all).filter(([key]) => kept.includes(key))) as T
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('this is neither a tag nor a digest')
  return value
}
