import assert from 'node:assert/strict'
import { test } from 'node:test'
import { selectionsOf, typedImage } from '../../../src/care/typed-names.ts'

const names = {
  aliases: new Map([['registry-1.docker.io', 'docker.io']]),
  pathAliases: new Map([['lab', '10.0.0.5:5000']]),
  defaultRegistry: 'docker.io',
}
const HELD = ['10.0.0.5:5000', 'docker.io', 'ghcr.io']

// As `REGISTRY/NAME*`, or `REGISTRY/NAME:TAG*` where a tag was typed.
function meant(typed: string): string[] {
  return selectionsOf(typed, HELD, names).map((each) => {
    const { registry, name, tagStartsWith, digestStartsWith } = each
    if ('startsWith' in name) return `${registry}/${name.startsWith}*`
    if (digestStartsWith !== undefined) return `${registry}/${name.is}@${digestStartsWith}*`
    return `${registry}/${name.is}:${tagStartsWith}*`
  })
}

for (const [typed, selections] of [
  ['', ['10.0.0.5:5000/*', 'docker.io/*', 'ghcr.io/*']],
  ['nginx', ['docker.io/library/nginx*', 'docker.io/nginx*']],
  ['org/app', ['docker.io/org/app*']],
  ['library/ng', ['docker.io/library/ng*']],
  ['docker.io/library/ng', ['docker.io/library/ng*']],
  ['docker.io/ng', ['docker.io/library/ng*', 'docker.io/ng*']],
  ['registry-1.docker.io/org', ['docker.io/library/org*', 'docker.io/org*']],
  ['ghcr.io/org', ['ghcr.io/org*']],
  ['gh', ['docker.io/gh*', 'docker.io/library/gh*', 'ghcr.io/*']],
  ['docker.io', ['docker.io/*']],
  ['l', ['10.0.0.5:5000/*', 'docker.io/l*']],
  ['lab/app', ['10.0.0.5:5000/app*']],
  ['alias:lab/app', ['10.0.0.5:5000/app*']],
  ['10.0.0.5:5000/app:1', ['10.0.0.5:5000/app:1*']],
  ['nginx:1.2', ['docker.io/library/nginx:1.2*', 'docker.io/nginx:1.2*']],
  ['ghcr.io/a@sha256:ab', ['ghcr.io/a@sha256:ab*']],
] as const) {
  test(`the beginning "${typed}" means ${selections.join(' and ')}`, () => {
    assert.deepEqual(meant(typed), selections)
  })
}

test('another default registry has the short names', () => {
  const other = { ...names, defaultRegistry: 'ghcr.io' }
  const [only, ...more] = selectionsOf('app', HELD, other)
  assert.deepEqual(more, [])
  assert.deepEqual([only?.registry, only?.name], ['ghcr.io', { startsWith: 'app' }])
})

for (const [typed, name, tag, digest] of [
  ['nginx', 'nginx', undefined, undefined],
  ['nginx:1.27', 'nginx', '1.27', undefined],
  ['localhost:5000/app', 'localhost:5000/app', undefined, undefined],
  ['localhost:5000/app:1', 'localhost:5000/app', '1', undefined],
  ['app@sha256:ab', 'app', undefined, 'sha256:ab'],
  ['app:1@sha256:ab', 'app', undefined, 'sha256:ab'],
  ['alias:lab/app:1', 'lab/app', '1', undefined],
] as const) {
  test(`"${typed}" is ${name}, tag ${tag}, digest ${digest}`, () => {
    assert.deepEqual(typedImage(typed), { name, tag, digest })
  })
}
