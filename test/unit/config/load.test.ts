// Sources, their order, origins, and that every problem is said at once.
import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { loadConfig } from '../../../src/config/load.ts'
import { inFolder, load, problemsOf } from './loading.ts'

suite('sources', () => {
  test('everything has a default that serves', () => {
    const { config } = load({})
    assert.deepEqual(config.listen, { host: '0.0.0.0', port: 5000 })
    assert.equal(config.defaultRegistry, 'docker.io')
    assert.equal(config.registries.size, 12)
    assert.deepEqual(config.tagTtl, { movingMs: 60_000, exactMs: 86_400_000, patterns: [] })
    assert.deepEqual(config.upstream, {
      connectTimeoutMs: 5000,
      headerTimeoutMs: 15_000,
      idleTimeoutMs: 30_000,
    })
    assert.equal(config.staleAfterMs, 5000)
    assert.equal(config.clientIdleTimeoutMs, 300_000)
    assert.equal(config.drainTimeoutMs, 600_000)
    assert.equal(config.abandoned, 'auto')
    assert.equal(config.offline, false)
    assert.deepEqual(config.log, { format: 'text', level: 'info', color: true })
  })

  test('flags count before variables, these before the file, each with its origin', () => {
    const yaml = 'listen: 1\nstale-after: 1s\ndrain-timeout: 1s\n'
    const env = { REGMIRROR_LISTEN: '2', REGMIRROR_STALE_AFTER: '2s' }
    const { config, effective } = load({ flags: { listen: ['3'] }, env, yaml })
    assert.equal(config.listen.port, 3)
    assert.equal(config.staleAfterMs, 2000)
    assert.equal(config.drainTimeoutMs, 1000)
    assert.equal(effective.listen[0]?.origin, '--listen')
    assert.equal(effective['stale-after'][0]?.origin, 'REGMIRROR_STALE_AFTER')
    assert.match(
      effective['drain-timeout'][0]?.origin ?? '',
      /regmirror\.yaml: drain-timeout \(line 3\)$/,
    )
    assert.equal(effective.log[0]?.origin, 'default')
  })

  test('registries are merged by name, the strongest source first', () => {
    const { config } = load({
      flags: { registry: ['docker.io=http://flag'] },
      env: {
        REGMIRROR_REGISTRY: 'docker.io=http://env ghcr.io=http://a,http://b,1.2.3.4:5=http://c',
      },
      yaml: 'registries: {ghcr.io: {endpoint: http://file}, quay.io: {endpoints: [http://d, http://e]}}',
    })
    const endpoints = (name: string) => config.registries.get(name)?.endpoints.map(String)
    assert.deepEqual(endpoints('docker.io'), ['http://flag/'])
    assert.deepEqual(endpoints('ghcr.io'), ['http://a/', 'http://b/'])
    assert.deepEqual(endpoints('1.2.3.4:5'), ['http://c/'])
    assert.deepEqual(endpoints('quay.io'), ['http://d/', 'http://e/'])
    assert.deepEqual(endpoints('gcr.io'), ['https://gcr.io/'])
  })

  test('tag lifetimes are put together, the strongest source first', () => {
    const { config } = load({
      flags: { 'tag-ttl': ['*-rc*=1m', '2m'] },
      env: { REGMIRROR_TAG_TTL: '*-rc*=3m {edge,nightly}=4m, 5m' },
      yaml: 'tag-ttl: [latest=6m]\nregistries: {alias:lab: {endpoint: http://x, tag-ttl: 7m}}',
    })
    assert.equal(config.tagTtl.movingMs, 120_000)
    assert.equal(config.tagTtl.exactMs, 120_000)
    assert.deepEqual(config.tagTtl.patterns, [
      { pattern: '*-rc*', ttlMs: 60_000 },
      { pattern: '{edge,nightly}', ttlMs: 240_000 },
      { pattern: 'latest', ttlMs: 360_000 },
      { pattern: 'lab/**/*:*', ttlMs: 420_000 },
    ])
  })

  test('the variables of tests, Kubernetes and empty ones are left alone', () => {
    const env = {
      REGMIRROR_SEED: '1',
      REGMIRROR_SKIP_CLIENTS: 'x',
      REGMIRROR_BINARY: 'x',
      REGMIRROR_SERVICE_HOST: '10.0.0.1',
      REGMIRROR_SERVICE_PORT_HTTP: '5000',
      REGMIRROR_PORT: 'tcp://10.0.0.1:5000',
      REGMIRROR_PORT_5000_TCP_ADDR: '10.0.0.1',
      REGMIRROR_LISTEN: '',
    }
    assert.equal(load({ env }).config.listen.port, 5000)
  })

  test('NO_COLOR asks for none, unless it is empty', () => {
    assert.equal(load({ env: { NO_COLOR: '1' } }).config.log.color, false)
    assert.equal(load({ env: { NO_COLOR: '' } }).config.log.color, true)
  })
})

suite('the data folder', () => {
  const folderOf = (env: Record<string, string>, isRoot = false) =>
    loadConfig({}, [], env, isRoot).config.data

  test('is the system’s for root, else the user’s', () => {
    assert.equal(folderOf({}, true), '/var/lib/regmirror')
    assert.equal(folderOf({ REGMIRROR_DATA: '/x/y' }, true), '/x/y')
    assert.equal(folderOf({ REGMIRROR_DATA: '~/y', HOME: '/h' }, true), '/h/y')
  })

  test('cannot be guessed without HOME, beside every other problem', (t) => {
    if (existsSync('/var/lib/regmirror')) return t.skip('this machine has the system’s folder')
    const problems = problemsOf({ env: { REGMIRROR_LISTEN: 'x' }, home: undefined })
    assert.match(problems.join('\n'), /HOME is not set.*--data DIR[^]*REGMIRROR_LISTEN/)
  })
})

suite('the file', () => {
  test('is found by REGMIRROR_CONFIG, and --config counts before it', () => {
    inFolder((folder) => {
      const [first, second] = [join(folder, 'a.yaml'), join(folder, 'b.yaml')]
      writeFileSync(first, 'listen: 1')
      writeFileSync(second, 'listen: 2')
      const env = { REGMIRROR_CONFIG: first }
      assert.equal(loadConfig({}, [], env, true).config.listen.port, 1)
      assert.equal(loadConfig({ config: [second] }, [], env, true).config.listen.port, 2)
    })
  })

  test('must be there when it was named', () => {
    const problems = problemsOf({ flags: { config: ['/nowhere/x.yaml'] } })
    assert.deepEqual(problems, ['--config: the file "/nowhere/x.yaml" cannot be read (ENOENT)'])
  })

  const broken: readonly [string, RegExp][] = [
    ['a: [\nb: c', /: line 2: is not YAML: /],
    ['listen: 1\nlisten: 2', /: line 2: is not YAML: Map keys must be unique/],
    ['- a', /: holds no settings: /],
    ['tagTtl: 1m', /: tagTtl \(line 1\): "tagTtl" is not a key .*; did you mean tag-ttl\?$/],
    ['\nlisten: [1, 2]', /: listen \(line 2\): holds several values/],
    ['log:', /: log \(line 1\): is empty: /],
    [
      'registries: [a]',
      /: registries \(line 1\): is not a map of registries, such as ghcr\.io: \{/,
    ],
    ['registries:\n  ghcr.io:', /: registries\.ghcr\.io \(line 2\): is not a map such as /],
    ['registries: {ghcr.io: {}}', /: registries\.ghcr\.io \(line 1\): names no endpoint/],
    [
      'registries: {a.b: {endpoint: [[x]]}}',
      /: registries\.a\.b\.endpoint \(line 1\): is not a URL or a list/,
    ],
    [
      'registries: {a.b: {endpont: http://x, tag-ttl: 1m}}',
      /\.endpont \(line 1\): .*did you mean endpoint\?$/,
    ],
    [
      'registries: {a.b: {endpoint: http://x, tag-ttl: 5}}',
      /\.tag-ttl \(line 1\): "5" is not a duration/,
    ],
  ]
  for (const [yaml, expected] of broken) {
    test(JSON.stringify(yaml), () => {
      const problems = problemsOf({ yaml })
      assert.equal(problems.length, 1, problems.join('\n'))
      assert.match(problems[0] ?? '', expected)
    })
  }

  const empty = ['', '# nothing', '---\n', 'tag-ttl: []', 'registries: {}']
  for (const yaml of empty) {
    test(`${JSON.stringify(yaml)} changes nothing`, () => {
      assert.deepEqual(load({ yaml }).config, load({}).config)
    })
  }

  test('anchors work', () => {
    const yaml = 'stale-after: &t 7s\ndrain-timeout: *t'
    assert.equal(load({ yaml }).config.drainTimeoutMs, 7000)
  })
})

test('every problem is said at once, the caller’s too', () => {
  const problems = problemsOf({
    flags: {
      listen: ['x', 'y'],
      registry: ['lab=http://x', 'docker.io=http://a', 'index.docker.io=http://b'],
    },
    flagProblems: ['--foo is not an option'],
    env: {
      REGMIRROR_LOGG: 'json',
      REGMIRROR_STALE_AFTER: '5',
      REGMIRROR_DEFAULT_REGISTRY: 'gchr.io',
    },
    yaml: 'offlin: true\nabandoned: atuo',
  })
  const expected = [
    /^--foo is not an option$/,
    /^--listen: is given 2 times where one value is expected$/,
    /^REGMIRROR_LOGG is not a variable that regmirror knows; did you mean REGMIRROR_LOG\?$/,
    /offlin \(line 1\): .*; did you mean offline\?$/,
    /^--listen: "x" is not an address to listen on/,
    /abandoned \(line 2\): "atuo" is none of finish, park, auto; did you mean auto\?$/,
    /^--registry: "lab" has neither a dot nor a port.*write alias:lab=URL$/,
    /^REGMIRROR_STALE_AFTER: "5" is not a duration with its unit, such as 5s/,
    /^--registry: docker\.io is given twice/,
    /^REGMIRROR_DEFAULT_REGISTRY: "gchr\.io" is not a registry named here; did you mean ghcr\.io\?$/,
  ]
  assert.equal(problems.length, expected.length, problems.join('\n'))
  expected.forEach((pattern, index) => assert.match(problems[index] ?? '', pattern))
})

test('the result cannot be changed', () => {
  const { config } = load({})
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.listen))
  assert.ok(Object.isFrozen(config.tagTtl.patterns) && Object.isFrozen(config.upstream))
  assert.ok(Object.isFrozen(config.registries.get('docker.io')?.endpoints))
})
