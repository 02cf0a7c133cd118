// Passwords: where they may stand, and that nothing ever repeats them.
import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { inspect } from 'node:util'
import { effectiveAsJson, effectiveAsYaml } from '../../../src/config/effective.ts'
import { loadConfig } from '../../../src/config/load.ts'
import type { LoadedConfig } from '../../../src/config/load.ts'
import { inFolder, load, problemsOf } from './loading.ts'

function loginOf({ config }: LoadedConfig, registry: string): string | undefined {
  const source = config.registries.get(registry)?.credentials
  return source?.kind === 'login' ? `${source.username}:${source.password.reveal()}` : source?.kind
}

suite('a password in a variable', () => {
  const rows: readonly [text: string, docker: string, ghcr?: string][] = [
    ['docker.io=user:pass', 'user:pass'],
    ['docker.io=user:pass ghcr.io=robot:word', 'user:pass', 'robot:word'],
    ['docker.io=user:pass,ghcr.io=robot:word', 'user:pass', 'robot:word'],
    ['docker.io=user:p, w=x:y\nghcr.io=none', 'user:p, w=x:y', 'none'],
    ['docker.io=user:a=b://@c,', 'user:a=b://@c,'],
    ['docker.io=login:file:x', 'file:x'],
    ['docker.io=env:LOGIN', 'from:env=, x'],
  ]
  for (const [text, docker, ghcr] of rows) {
    test(JSON.stringify(text), () => {
      const loaded = load({ env: { REGMIRROR_CREDENTIALS: text, LOGIN: 'from:env=, x' } })
      assert.equal(loginOf(loaded, 'docker.io'), docker)
      assert.equal(loginOf(loaded, 'ghcr.io'), ghcr)
    })
  }
})

suite('a password in the file', () => {
  const rows: readonly [credentials: string, login: string][] = [
    ['user:pass', 'user:pass'],
    ['{username: user, password: "a, b=c:d"}', 'user:a, b=c:d'],
    ['{username: file, password: /x}', 'file:/x'],
    ['{env: LOGIN}', 'from:env'],
    ['env:LOGIN', 'from:env'],
    ['none', 'none'],
  ]
  for (const [credentials, login] of rows) {
    test(credentials, () => {
      const yaml = `registries: {ghcr.io: {credentials: ${credentials}}}`
      assert.equal(loginOf(load({ yaml, env: { LOGIN: 'from:env' } }), 'ghcr.io'), login)
    })
  }
})

test('a password on the command line is refused, with the other ways', () => {
  for (const source of ['user:hunter2', 'login:user:hunter2']) {
    const problems = problemsOf({ flags: { credentials: [`ghcr.io=${source}`] } })
    assert.equal(problems.length, 1, problems.join('\n'))
    assert.match(
      problems[0] ?? '',
      /^--credentials: a password does not belong on the command line, .* regmirror login REGISTRY, or file:PATH, or env:VARIABLE$/,
    )
  }
})

suite('no problem repeats a password', () => {
  const rows: readonly [string, Parameters<typeof problemsOf>[0]][] = [
    ['no colon', { env: { REGMIRROR_CREDENTIALS: 'ghcr.io=hunter2' } }],
    ['no user', { env: { REGMIRROR_CREDENTIALS: 'ghcr.io=:hunter2' } }],
    ['no registry', { env: { REGMIRROR_CREDENTIALS: 'user:hunter2' } }],
    ['no registry, as a flag', { flags: { credentials: ['user:hunter2'] } }],
    [
      'cut where it looks like an entry',
      { env: { REGMIRROR_CREDENTIALS: 'ghcr.io=u:a,hunter2.b=c:d' } },
    ],
    ['an equals sign too early', { flags: { credentials: ['user:hunter2=x'] } }],
    [
      'a variable without a colon',
      { flags: { credentials: ['ghcr.io=env:X'] }, env: { X: 'hunter2' } },
    ],
    ['the file is not YAML', { yaml: 'credentials: |hunter2\n  x' }],
    ['a stray anchor', { yaml: 'registries: {ghcr.io: {credentials: *hunter2}}' }],
    ['a proxy without a host', { flags: { proxy: ['http://u:hunter2'] } }],
    ['a proxy of a slash', { flags: { proxy: ['ghcr.io=http://u:hunt/er2@proxy'] } }],
    ['a proxy with a path', { env: { REGMIRROR_PROXY: 'http://u:hunter2@proxy/path' } }],
    ['a proxy of the environment', { env: { https_proxy: 'ftp://u:hunter2@proxy' } }],
    ['a proxy without a scheme', { env: { REGMIRROR_PROXY: 'user:hunter2=@proxy:3128' } }],
    ['a proxy given twice', { flags: { proxy: ['u:hunter2=@proxy', 'u:hunter2=@proxy'] } }],
    ['a proxy and a password like a port', { flags: { proxy: ['hunter2:123=@proxy'] } }],
    ['a proxy in a list of the file', { yaml: 'proxy: ["user:hunter2=@proxy:3128"]' }],
    ['an endpoint', { flags: { registry: ['a.b=http://u:hun,ter2@c'] } }],
    ['a registry', { flags: { registry: ['user:hunter2@ghcr.io=https://ghcr.io'] } }],
    ['a registry and a space', { flags: { registry: ['u:hun ter2@ghcr.io=https://ghcr.io'] } }],
    ['a registry and its URL', { flags: { registry: ['hunter2@b=https://u:hunter2@c'] } }],
    ['a registry of the file', { yaml: 'registries: {"u:hunter2@ghcr.io": {ip: 4, x: 1}}' }],
    ['a token in front of a host', { flags: { ip: ['hunter2@ghcr.io=4'] } }],
    ['a host that stands for a registry', { flags: { alias: ['u:hunter2@x=docker.io'] } }],
    ['what a host stands for', { flags: { alias: ['x.lan=u:hunter2@ghcr.io'] } }],
    ['another name', { flags: { alias: ['index.docker.io=u:hunter2@ghcr.io'] } }],
    ['the default registry', { flags: { 'default-registry': ['https://u:hun//ter2@ghcr.io'] } }],
    ['a trusted host', { flags: { 'trusted-host': ['ghcr.io=https://u:hun,ter2@auth'] } }],
  ]
  for (const [what, sources] of rows) {
    test(what, () => {
      const problems = problemsOf(sources)
      assert.notEqual(problems.length, 0)
      assert.doesNotMatch(problems.join('\n'), /hun|er2/)
    })
  }
})

test('what only looks a little like a login is still named', () => {
  const rows: readonly [Parameters<typeof problemsOf>[0]['flags'], RegExp][] = [
    [{ ca: ['/srv/data@home/ca.pem'] }, /the file "\/srv\/data@home\/ca\.pem" cannot be read/],
    [{ private: ['ghcr.io=Org/@(a|b)'] }, /"Org\/@\(a\|b\)" is neither deny/],
    [{ proxy: ['corp.example=http://proxy'] }, /"corp\.example" is not a registry named here/],
    [{ registry: ['https://ghcr.io'] }, /"https:\/\/ghcr\.io" is not of the form NAME=URL/],
  ]
  for (const [flags = {}, expected] of rows) {
    assert.match(problemsOf({ flags }).join('\n'), expected)
  }
})

suite('what is printed', () => {
  const sources = {
    env: {
      REGMIRROR_CREDENTIALS: 'ghcr.io=user:hunter2',
      REGMIRROR_PROXY: 'http://user:hunter2@proxy:3128',
      http_proxy: 'http://user:hunter2@other',
    },
    yaml: 'registries: {quay.io: {credentials: {username: robot, password: hunter2}}}',
  }

  test('hides passwords, and so does what was loaded', () => {
    const loaded = load(sources)
    const yaml = effectiveAsYaml(loaded)
    const json = JSON.stringify(effectiveAsJson(loaded))
    assert.doesNotMatch(yaml + json, /hunter2/)
    assert.doesNotMatch(inspect(loaded.effective, { depth: 9 }), /hunter2/)
    assert.match(yaml, /^ {6}username: robot\n {6}password: \(hidden\)$/m)
    assert.match(yaml, /^proxy: http:\/\/\(hidden\)@proxy:3128 {2}# REGMIRROR_PROXY$/m)
    assert.match(yaml, /^# environment-proxy\.http: http:\/\/\(hidden\)@other {2}# http_proxy$/m)
  })

  test('is refused where it is read back as a password', () => {
    const problems = problemsOf({ yaml: effectiveAsYaml(load(sources)) })
    assert.equal(problems.length, 3, problems.join('\n'))
    for (const problem of problems)
      assert.match(problem, /stands where regmirror hid a (?:login|password)/)
  })

  test('keeps the name of a variable, which is no secret', () => {
    const env = { LOGIN: 'user:hunter2' }
    const yaml = effectiveAsYaml(load({ flags: { credentials: ['ghcr.io=env:LOGIN'] }, env }))
    assert.match(yaml, /^ {4}credentials: env:LOGIN {2}# --credentials$/m)
    assert.equal(loginOf(load({ yaml, env }), 'ghcr.io'), 'user:hunter2')
  })
})

suite('a file that others may read', () => {
  const warningsOf = (yaml: string, mode: number): readonly string[] =>
    inFolder((folder) => {
      const file = join(folder, 'regmirror.yaml')
      writeFileSync(file, yaml)
      chmodSync(file, mode)
      const env = { REGMIRROR_CONFIG: file, LOGIN: 'a:b', REGMIRROR_CREDENTIALS: 'quay.io=a:b' }
      return loadConfig({}, [], env, true).warnings
    })
  const login = 'registries: {ghcr.io: {credentials: {username: user, password: hunter2}}}'

  test('is warned of where it holds a password', () => {
    for (const yaml of [login, 'proxy: http://user:hunter2@proxy']) {
      const [warning = '', ...more] = warningsOf(yaml, 0o640)
      assert.match(
        warning,
        /regmirror\.yaml: .* holds a password, and others on this machine may read/,
      )
      assert.doesNotMatch(warning, /hunter2/)
      assert.deepEqual(more, [])
    }
  })

  test('is fine where it holds none, or where nobody else may read it', () => {
    assert.deepEqual(warningsOf(login, 0o600), [])
    assert.deepEqual(warningsOf('registries: {ghcr.io: {credentials: env:LOGIN}}', 0o644), [])
  })
})
