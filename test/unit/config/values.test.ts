// Every key's good and bad values: a row each.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Config } from '../../../src/config/config.ts'
import { type SettingName, settingNames } from '../../../src/config/settings.ts'
import { load, problemsOf } from './loading.ts'

type Row = {
  readonly read: (config: Config) => unknown
  readonly good: readonly (readonly [text: string, value: unknown])[]
  readonly bad: readonly (readonly [text: string, problem: RegExp])[]
}

const TTL_UNIT = /is not a duration with its unit, such as 30s/

function timeout(read: (config: Config) => number): Row {
  return {
    read,
    good: [
      ['5s', 5000],
      ['250ms', 250],
      ['1.5h', 5_400_000],
      ['2 minutes', 120_000],
    ],
    bad: [
      ['5', /"5" is not a duration with its unit, such as 5s, 1m or 24h/],
      ['1h30m', /is not a duration/],
      ['-5s', /is not a duration/],
      ['5 parsecs', /is not a duration/],
      ['0', /is no time at all/],
      ['30d', /is too long: give at most 24d/],
    ],
  }
}

const rows: Readonly<Record<SettingName, Row>> = {
  listen: {
    read: ({ listen }) => listen,
    good: [
      ['5000', { host: '0.0.0.0', port: 5000 }],
      [':5001', { host: '0.0.0.0', port: 5001 }],
      ['0', { host: '0.0.0.0', port: 0 }],
      ['10.0.0.2:80', { host: '10.0.0.2', port: 80 }],
      ['box.lan:5000', { host: 'box.lan', port: 5000 }],
      ['[::1]:5000', { host: '::1', port: 5000 }],
      ['[::]:5000', { host: '::', port: 5000 }],
    ],
    bad: [
      ['', /"" is not an address to listen on: write PORT, HOST:PORT or \[IPV6\]:PORT, such as/],
      ['localhost', /is not an address/],
      ['::1:5000', /is not an address/],
      ['http://x:5000', /is not an address/],
      ['70000', /70000 is not a port, which ends at 65535/],
      ['10.0.0.256:5000', /"10\.0\.0\.256" is neither an IP address nor a host name/],
      ['[10.0.0.2]:5000', /neither an IP address nor a host name/],
      ['bo x:5000', /neither an IP address nor a host name/],
    ],
  },
  data: {
    read: ({ data }) => data,
    good: [
      ['/srv/cache', '/srv/cache'],
      ['/srv//cache/', '/srv/cache'],
      ['~/cache', '/home/tester/cache'],
      ['~', '/home/tester'],
    ],
    bad: [[' ', /is empty: name a folder, such as/]],
  },
  offline: {
    read: ({ offline }) => offline,
    good: [
      ['true', true],
      ['Yes', true],
      ['1', true],
      ['off', false],
    ],
    bad: [['maybe', /"maybe" is neither true nor false/]],
  },
  abandoned: {
    read: ({ abandoned }) => abandoned,
    good: [
      ['finish', 'finish'],
      ['park', 'park'],
      ['auto', 'auto'],
    ],
    bad: [['stop', /"stop" is none of finish, park, auto/]],
  },
  registry: {
    read: ({ registries, pathAliases }) =>
      [...registries]
        .slice(12)
        .map(([name, { endpoints }]) => [name, pathAliases.get(name), endpoints.join(' ')]),
    good: [
      ['docker.io=http://127.0.0.1:5001', []],
      ['Corp.Example=https://corp.example', [['corp.example', undefined, 'https://corp.example/']]],
      [
        '10.0.0.5:5000=http://10.0.0.5:5000',
        [['10.0.0.5:5000', undefined, 'http://10.0.0.5:5000/']],
      ],
      ['[::1]:5000=http://[::1]:5000', [['[::1]:5000', undefined, 'http://[::1]:5000/']]],
      ['localhost=http://localhost:5001', [['localhost', undefined, 'http://localhost:5001/']]],
      ['a.b=https://x/hub, http://y', [['a.b', undefined, 'https://x/hub http://y/']]],
      ['alias:lab=http://10.0.0.5:5000', [['lab', 'lab', 'http://10.0.0.5:5000/']]],
    ],
    bad: [
      ['docker.io', /"docker\.io" is not of the form NAME=URL, such as/],
      ['=http://x', /is not of the form NAME=URL/],
      ['lab=http://x', /would hide Docker Hub’s own names; .* write alias:lab=URL/],
      ['http://x=http://x', /is not a registry’s host/],
      ['a.b/c=http://x', /is not a registry’s host/],
      ['alias:a.b=http://x', /"a\.b" is not an alias: one word/],
      ['alias:library=http://x', /means something else already/],
      ['a.b=', /"" is not a URL with http/],
      ['a.b=127.0.0.1:5001', /is not a URL with http:\/\/ or https:\/\/, such as/],
      ['a.b=ftp://x', /is not a URL with http/],
      ['a.b=http://', /is not a URL with http/],
      ['a.b=https://x?y=1', /has a part after "\?" or "#"/],
      ['a.b=https://x/v2/', /ends in \/v2, which regmirror adds itself/],
      ['a.b=http://x,ftp://y', /"ftp:\/\/y" is not a URL/],
      ['a.b=https://user:secret@x', /"https:\/\/\*\*\*@x" holds a login.*not accepted/],
    ],
  },
  'default-registry': {
    read: ({ defaultRegistry }) => defaultRegistry,
    good: [
      ['ghcr.io', 'ghcr.io'],
      ['registry-1.docker.io', 'docker.io'],
      ['Quay.io', 'quay.io'],
      ['k8s.gcr.io', 'registry.k8s.io'],
    ],
    bad: [
      ['corp.example', /is not a registry named here: add it with --registry corp\.example=https/],
      ['', /is empty: name a registry/],
    ],
  },
  'tag-ttl': {
    read: ({ tagTtl }) => tagTtl.patterns[0] ?? [tagTtl.movingMs, tagTtl.exactMs],
    good: [
      ['5m', [300_000, 300_000]],
      ['0', [0, 0]],
      ['60d', [5_184_000_000, 5_184_000_000]],
      ['*-rc*=1h', { pattern: '*-rc*', ttlMs: 3_600_000 }],
      ['ghcr.io/org/**=1h', { pattern: 'ghcr.io/org/**/*:*', ttlMs: 3_600_000 }],
      ['docker.io/library/nginx=1h', { pattern: 'docker.io/library/nginx:*', ttlMs: 3_600_000 }],
      ['quay.io/a/b:latest=0s', { pattern: 'quay.io/a/b:latest', ttlMs: 0 }],
      ['10.0.0.5:5000/**=1h', { pattern: '10.0.0.5:5000/**/*:*', ttlMs: 3_600_000 }],
    ],
    bad: [
      ['5', TTL_UNIT],
      ['latest', TTL_UNIT],
      ['latest=', TTL_UNIT],
      ['=5m', /"" is not a pattern, such as '\*-rc\*=5m'/],
      [
        'nginx:latest=5m',
        /"nginx:latest" can match nothing: .* such as docker\.io\/library\/nginx:latest/,
      ],
    ],
  },
  'stale-after': timeout(({ staleAfterMs }) => staleAfterMs),
  'upstream-connect-timeout': timeout(({ upstream }) => upstream.connectTimeoutMs),
  'upstream-header-timeout': timeout(({ upstream }) => upstream.headerTimeoutMs),
  'upstream-idle-timeout': timeout(({ upstream }) => upstream.idleTimeoutMs),
  'client-idle-timeout': timeout(({ clientIdleTimeoutMs }) => clientIdleTimeoutMs),
  'drain-timeout': timeout(({ drainTimeoutMs }) => drainTimeoutMs),
  log: {
    read: ({ log }) => log.format,
    good: [
      ['text', 'text'],
      ['json', 'json'],
    ],
    bad: [['jsno', /"jsno" is none of text, json; did you mean json\?/]],
  },
  'log-level': {
    read: ({ log }) => log.level,
    good: [
      ['info', 'info'],
      ['debug', 'debug'],
    ],
    bad: [['warn', /"warn" is none of info, debug/]],
  },
}

for (const name of settingNames) {
  const { read, good, bad } = rows[name]
  suite(name, () => {
    for (const [text, value] of good) {
      test(`takes ${JSON.stringify(text)}`, () => {
        assert.deepEqual(read(load({ flags: { [name]: [text] } }).config), value)
      })
    }
    for (const [text, problem] of bad) {
      test(`refuses ${JSON.stringify(text)}, saying where and why`, () => {
        const problems = problemsOf({ flags: { [name]: [text] } })
        assert.equal(problems.length, 1, problems.join('\n'))
        assert.match(problems[0] ?? '', problem)
        assert.ok(problems[0]?.startsWith(`--${name}: `), problems[0])
      })
    }
  })
}
