// Every key's good and bad values: a row each.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, suite, test } from 'node:test'
import type { Config } from '../../../src/config/config.ts'
import { type SettingName, settingNames } from '../../../src/config/settings.ts'
import { Authority } from '../../support/certificates.ts'
import { TempFolder } from '../../support/temp-folder.ts'
import { load, problemsOf } from './loading.ts'

const folder = new TempFolder('values')
const authority = await Authority.create()
const other = await Authority.create('another')
const pair = await authority.issue()
after(async () => {
  await folder.close()
  await authority.close()
  await other.close()
})

function file(name: string, text = ''): string {
  writeFileSync(folder.join(name), text)
  return folder.join(name)
}

const both = file('both.pem', pair.key + pair.certificate)
const bundle = file('bundle.pem', `an authority\n${authority.certificate}${other.certificate}`)
const login = file('login', 'user:hunter2')
const nothing = folder.join('nothing')

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
      ['alias:v1=http://x', /means something else already/],
      ['a.b=', /"" is not a URL with http/],
      ['a.b=127.0.0.1:5001', /is not a URL with http:\/\/ or https:\/\/, such as/],
      ['a.b=ftp://x', /is not a URL with http/],
      ['a.b=http://', /is not a URL with http/],
      ['a.b=https://x?y=1', /has a part after "\?" or "#"/],
      ['a.b=https://x/v2/', /ends in \/v2, which regmirror adds itself/],
      ['a.b=http://x,ftp://y', /"ftp:\/\/y" is not a URL/],
      ['a.b=https://user:secret@x', /"https:\/\/\(hidden\)@x" holds a login.*not accepted/],
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
  tls: {
    read: ({ tls }) => tls,
    good: [
      ['off', undefined],
      ['self', { kind: 'self', names: [] }],
    ],
    bad: [['on', /"on" is none of off, self/]],
  },
  'tls-name': {
    read: () => undefined,
    good: [],
    bad: [['Box.lan', /is for the certificate that regmirror makes itself: add --tls self/]],
  },
  // Whether they are there and right is seen by whoever reads them.
  allow: {
    read: ({ allow }) => allow,
    good: [
      ['/srv/allows.txt', '/srv/allows.txt'],
      ['~/allows.txt', '/home/tester/allows.txt'],
    ],
    bad: [],
  },
  block: {
    read: ({ block }) => block,
    good: [['/srv/block.txt', '/srv/block.txt']],
    bad: [],
  },
  // Whether it is there and right is seen by whoever reads it.
  warm: {
    read: ({ warm }) => warm,
    good: [
      ['/srv/mirror.txt', { file: '/srv/mirror.txt', at: undefined }],
      ['~/mirror.txt', { file: '/home/tester/mirror.txt', at: undefined }],
    ],
    bad: [],
  },
  // With a list: see effective.test.ts, and cron.test.ts.
  'warm-at': {
    read: () => undefined,
    good: [],
    bad: [['01:30', /is when to warm a list, and there is none: name it with --warm/]],
  },
  // With one another: see contradictions.test.ts.
  'tls-cert': {
    read: () => undefined,
    good: [],
    bad: [[pair.certificateFile, /its key is missing: name it with tls-key/]],
  },
  'tls-key': {
    read: () => undefined,
    good: [],
    bad: [[pair.keyFile, /its certificate is missing: name it with tls-cert/]],
  },
  catalog: {
    read: ({ catalog }) => catalog,
    good: [
      ['true', true],
      ['false', false],
    ],
    bad: [['some', /"some" is neither true nor false/]],
  },
  sendfile: {
    read: ({ sendfile }) => sendfile,
    good: [
      ['on', true],
      ['off', false],
    ],
    bad: [['fast', /"fast" is neither true nor false/]],
  },
  'registry-listen': {
    read: ({ registryListeners }) => registryListeners,
    good: [
      ['ghcr.io=:5001', [{ registry: 'ghcr.io', host: '0.0.0.0', port: 5001 }]],
      ['index.docker.io=[::1]:80', [{ registry: 'docker.io', host: '::1', port: 80 }]],
    ],
    bad: [
      [':5001', /":5001" is not of the form NAME=ADDRESS, such as ghcr\.io=:5001/],
      ['ghcr.io=x', /"x" is not an address to listen on/],
      ['ghcr.io=:5000', /port 5000 is taken by default: choose another port/],
      ['gchr.io=:5001', /"gchr\.io" is not a registry named here; did you mean ghcr\.io\?/],
    ],
  },
  alias: {
    read: ({ hosts, aliases }) => [[...hosts], [...hosts].every(([a, b]) => aliases.get(a) === b)],
    good: [
      ['Docker.box.lan=docker.io', [[['docker.box.lan', 'docker.io']], true]],
      ['hub=index.docker.io', [[['hub', 'docker.io']], true]],
      ['box.lan:5001=ghcr.io', [[['box.lan:5001', 'ghcr.io']], true]],
    ],
    bad: [
      ['docker.box.lan', /is not of the form HOST=REGISTRY, such as docker\.box\.lan=docker\.io/],
      ['=docker.io', /is not of the form HOST=REGISTRY/],
      ['http://a.b=docker.io', /"http:\/\/a\.b" is not a host by which clients reach the mirror/],
      ['a.b=corp.example', /"corp\.example" is not a registry named here: add it with --registry/],
      ['ghcr.io=docker.io', /ghcr\.io is a registry itself and cannot stand for docker\.io/],
      ['k8s.gcr.io=docker.io', /another name of registry\.k8s\.io and cannot stand for docker\.io/],
    ],
  },
  'base-domain': {
    read: ({ hosts }) => [hosts.size, hosts.get('docker.box.lan'), hosts.get('k8s-gcr.box.lan')],
    good: [
      ['box.lan', [13, 'docker.io', 'registry.k8s.io']],
      ['*.Box.lan', [13, 'docker.io', 'registry.k8s.io']],
    ],
    bad: [
      ['10.0.0.5', /"10\.0\.0\.5" is not a domain such as box\.lan/],
      ['box.lan:5000', /is not a domain/],
      ['http://box.lan', /is not a domain/],
    ],
  },
  'literal-names': {
    read: ({ registries }) => registries.get('quay.io')?.literalNames,
    good: [
      ['quay.io', true],
      ['Quay.io=yes', true],
      ['quay.io=false', false],
      ['ghcr.io', false],
    ],
    bad: [
      ['', /"" is not of the form NAME, such as harbor\.corp/],
      ['quay.io=maybe', /"maybe" is neither true nor false/],
      ['harbor.corp', /"harbor\.corp" is not a registry named here: add it with/],
    ],
  },
  proxy: {
    read: ({ registries }) =>
      ['docker.io', 'ghcr.io'].map((name) => String(registries.get(name)?.proxy)),
    good: [
      ['http://10.0.0.1:3128', ['http://10.0.0.1:3128/', 'http://10.0.0.1:3128/']],
      ['ghcr.io=https://u:p%20w@proxy', ['undefined', 'https://u:p%20w@proxy/']],
      ['socks5h://proxy:1080', ['socks5://proxy:1080', 'socks5://proxy:1080']],
      ['docker.io=none', ['none', 'undefined']],
    ],
    bad: [
      ['ghcr.io=proxy:3128', /: is not a proxy’s URL: write http:\/\/HOST:PORT, https.* or socks5/],
      ['socks4://proxy', /"socks4:\/\/" is no kind of proxy that regmirror knows/],
      ['http://', /is not a proxy’s URL/],
      ['socks5://', /names no host/],
      [
        'http://u:p@proxy/x',
        /"http:\/\/\(hidden\)@proxy" is followed by a path, which a proxy has not/,
      ],
      ['http://(hidden)@proxy', /stands where regmirror hid a login: write the login itself/],
      ['corp.example=none', /"corp\.example" is not a registry named here/],
    ],
  },
  ca: {
    read: ({ registries }) => ['docker.io', 'ghcr.io'].map((name) => registries.get(name)?.ca),
    good: [
      [authority.certificateFile, [authority.certificate, authority.certificate]],
      [`ghcr.io=${bundle}`, [undefined, authority.certificate + other.certificate]],
    ],
    bad: [
      ['ghcr.io=', /is empty: name a file/],
      [nothing, /the file ".*\/nothing" cannot be read \(ENOENT\)/],
      [folder.path, /".*" is a folder: name the file in it/],
      [login, /the file ".*\/login" holds no certificate in PEM form \(-----BEGIN CERTIFICATE/],
      [
        `ghcr.io=${file('cut', authority.certificate.replace(/\n.{9}/, '\n'))}`,
        /certificate 1 of the file ".*\/cut" is damaged/,
      ],
    ],
  },
  'client-cert': {
    read: ({ registries }) => {
      const { clientCertificate: found } = registries.get('ghcr.io') ?? {}
      return [found?.certificate, found?.key.reveal()]
    },
    good: [
      [`ghcr.io=${pair.certificateFile},${pair.keyFile}`, [pair.certificate, pair.key]],
      [`ghcr.io=${both}`, [pair.certificate, pair.key]],
    ],
    bad: [
      [both, /is not of the form NAME=FILE\[,KEYFILE\], such as/],
      [
        `ghcr.io=${pair.certificateFile}`,
        /holds no key in PEM form \(-----BEGIN PRIVATE KEY-----\)/,
      ],
      [`ghcr.io=${pair.keyFile}`, /holds no certificate in PEM form/],
      [
        `ghcr.io=${authority.certificateFile},${pair.keyFile}`,
        /the key in ".*" does not belong to the first certificate in ".*"/,
      ],
      [
        `ghcr.io=${pair.certificateFile},${file('locked', pair.key.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE'))}`,
        /the key in ".*\/locked" is locked by a passphrase, .* store it without one/,
      ],
      [
        `ghcr.io=${pair.certificateFile},${file('bad', pair.key.replace(/\n.{9}/, '\n'))}`,
        /the key in ".*\/bad" is damaged/,
      ],
      [`ghcr.io=a,b,c`, /"a,b,c" is more than FILE or FILE,KEYFILE/],
    ],
  },
  insecure: {
    read: ({ registries }) => registries.get('quay.io')?.unverifiedTls,
    good: [
      ['quay.io', true],
      ['quay.io=off', false],
    ],
    bad: [['qay.io', /"qay\.io" is not a registry named here; did you mean quay\.io\?/]],
  },
  ip: {
    read: ({ registries }) =>
      ['docker.io', 'ghcr.io'].map((name) => registries.get(name)?.ipFamily),
    good: [
      ['4', [4, 4]],
      ['ghcr.io=6', [undefined, 6]],
      ['auto', [undefined, undefined]],
    ],
    bad: [['ghcr.io=5', /"5" is none of 4, 6, auto/]],
  },
  segments: {
    read: ({ registries }) =>
      ['docker.io', 'ghcr.io'].map((name) => registries.get(name)?.segments),
    good: [
      ['4', [4, 4]],
      ['ghcr.io=16', [1, 16]],
    ],
    bad: [
      ['0', /"0" is not a number of connections from 1 to 16, such as 4/],
      ['ghcr.io=17', /"17" is not a number of connections from 1 to 16/],
      ['2.5', /"2\.5" is not a number of connections/],
      ['gchr.io=2', /"gchr\.io" is not a registry named here; did you mean ghcr\.io\?/],
    ],
  },
  // Passwords themselves: see credentials.test.ts.
  credentials: {
    read: ({ registries }) => registries.get('ghcr.io')?.credentials,
    good: [
      [`ghcr.io=file:${login}`, { kind: 'file', path: login }],
      [`ghcr.io=docker-config:${login}`, { kind: 'docker-config', path: login }],
      ['ghcr.io=none', { kind: 'none' }],
    ],
    bad: [
      [`ghcr.io=file:${nothing}`, /the file ".*\/nothing" cannot be read \(ENOENT\)/],
      [`ghcr.io=docker-config:${folder.path}`, /is a folder: name the file in it/],
      ['ghcr.io=env:NOWHERE', /the variable "NOWHERE" is not set: put USER:PASSWORD into it/],
      ['gchr.io=none', /"gchr\.io" is not a registry named here; did you mean ghcr\.io\?/],
    ],
  },
  'docker-config': {
    read: ({ dockerConfig }) => dockerConfig,
    good: [[login, login]],
    bad: [
      [nothing, /the file ".*" cannot be read \(ENOENT\)/],
      [folder.path, /is a folder: name the file in it/],
    ],
  },
  'trusted-host': {
    read: ({ registries }) => registries.get('quay.io')?.trustedHosts,
    good: [
      ['quay.io=Auth.corp, 10.0.0.7:8443', ['auth.corp', '10.0.0.7:8443']],
      ['quay.io=*.cdn.corp', ['*.cdn.corp']],
    ],
    bad: [
      ['auth.corp', /"auth\.corp" is not of the form NAME=HOST\[,HOST\.\.\.\], such as/],
      ['quay.io=*', /"\*" would trust every host there is: name hosts, such as/],
      ['quay.io=https://auth.corp', /"https:\/\/auth\.corp" is not a host: write the host alone/],
      ['quay.io=a.b,', /"" is not a host: write hosts, such as auth\.corp/],
      ['quay.io=a.*.b', /is not a host/],
    ],
  },
  private: {
    read: ({ registries }) => registries.get('ghcr.io')?.private,
    good: [
      ['ghcr.io=deny', 'deny'],
      ['ghcr.io=everyone', 'everyone'],
      ['ghcr.io=myorg/*, {a,b}/**', ['myorg/*', '{a,b}/**']],
      ['quay.io=everyone', 'deny'],
    ],
    bad: [
      ['everyone', /"everyone" is not of the form NAME=deny\|everyone\|GLOB/],
      ['ghcr.io=everyone,myorg/*', /"everyone" stands alone: it says all/],
      [
        'ghcr.io=evryone',
        /"evryone" is neither deny, everyone nor a glob .*did you mean everyone\?/,
      ],
      ['ghcr.io=MyOrg/*', /is neither .* over repository names in lower case, such as myorg\/\*/],
      ['ghcr.io=/myorg/*', /is neither deny, everyone nor a glob/],
      [
        'ghcr.io=ghcr.io/myorg/*',
        /begins with the registry’s own name, .* named without it: write myorg\/\*/,
      ],
    ],
  },
  'max-size': {
    read: ({ space }) => space.maxBytes,
    good: [
      ['none', undefined],
      ['200GiB', 200 * 2 ** 30],
      ['1.5TB', 1.5e12],
      ['500 MB', 5e8],
      ['20m', 20e6],
    ],
    bad: [
      ['200', /"200" is not a size with its unit, such as 200GiB or 500MB \(or none\)/],
      ['a lot', /is not a size/],
      ['-1GiB', /is not a size/],
      ['1iB', /is not a size/],
      ['0', /"0" is too little to store images in: give at least 16MiB/],
      ['15MiB', /is too little/],
    ],
  },
  'min-free': {
    read: ({ space }) => space.minFreeBytes,
    good: [
      ['5GiB', 5 * 2 ** 30],
      ['0', 0],
      ['17B', 17],
    ],
    bad: [['10%', /"10%" is not a size with its unit, such as 200GiB or 500MB/]],
  },
  'keep-untagged': {
    read: ({ space }) => space.keepUntaggedMs,
    good: [
      ['30d', 30 * 86_400_000],
      ['0', 0],
      ['forever', undefined],
    ],
    bad: [
      ['30', /"30" is neither a duration with its unit, such as 12h or 30d, nor forever/],
      ['20y', /is too long: say forever/],
    ],
  },
  scrub: {
    read: ({ space }) => space.scrubMs,
    good: [
      ['30d', 30 * 86_400_000],
      ['off', undefined],
    ],
    bad: [
      ['never', /"never" is neither a duration .*, nor off/],
      ['0', /"0" is too often to hash the whole store: say 24h or more, or off/],
      ['1h', /too often/],
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
      test(`takes ${JSON.stringify(text)} from every source`, () => {
        const variable = `REGMIRROR_${name.toUpperCase().replaceAll('-', '_')}`
        const yaml = `${name}: ${JSON.stringify(text)}`
        for (const sources of [
          { flags: { [name]: [text] } },
          { env: { [variable]: text } },
          { yaml },
        ]) {
          assert.deepEqual(read(load(sources).config), value)
        }
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
