// What is said of one registry: in the file, by several sources, for all, and against itself.
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import { plainRegistry } from '../../../src/config/config.ts'
import { Authority } from '../../support/certificates.ts'
import { load, problemsOf } from './loading.ts'

const authority = await Authority.create()
const other = await Authority.create('another')
const pair = await authority.issue()
after(() => Promise.all([authority.close(), other.close()]))

suite('a registry in the file', () => {
  test('has every option as a key', () => {
    const yaml = `
registries:
  corp.example:
    endpoints: [https://a, https://b]
    listen: 5001
    literal-names: true
    proxy: socks5://10.0.0.1:1080
    ca: [${authority.certificateFile}, ${other.certificateFile}]
    client-cert: [${pair.certificateFile}, ${pair.keyFile}]
    insecure: no
    ip: 4
    segments: 3
    credentials: {username: robot, password: 0x1F}
    trusted-hosts: [auth.corp, '*.cdn.corp']
    private: [myorg/*, '{a,b}/**']
`
    const { config } = load({ yaml })
    const { clientCertificate, credentials, ...rest } = config.registries.get('corp.example') ?? {}
    assert.deepEqual(rest, {
      endpoints: [new URL('https://a'), new URL('https://b')],
      literalNames: true,
      proxy: new URL('socks5://10.0.0.1:1080'),
      ca: authority.certificate + other.certificate,
      unverifiedTls: false,
      ipFamily: 4,
      segments: 3,
      trustedHosts: ['auth.corp', '*.cdn.corp'],
      private: ['myorg/*', '{a,b}/**'],
    })
    assert.equal(clientCertificate?.certificate, pair.certificate)
    assert.equal(clientCertificate?.key.reveal(), pair.key)
    assert.ok(credentials?.kind === 'login')
    assert.equal(credentials.username, 'robot')
    assert.equal(credentials.password.reveal(), '0x1F')
    assert.deepEqual(config.registryListeners, [
      { registry: 'corp.example', host: '0.0.0.0', port: 5001 },
    ])
  })

  test('needs no endpoint where it is built in, and is plain without options', () => {
    const { config } = load({ yaml: 'registries: {ghcr.io: {private: everyone}}' })
    assert.deepEqual(config.registries.get('ghcr.io'), {
      ...plainRegistry,
      endpoints: [new URL('https://ghcr.io')],
      private: 'everyone',
    })
  })

  test('by its path alias', () => {
    const yaml = 'registries: {alias:lab: {endpoint: http://x, insecure: true, listen: 5001}}'
    const { config } = load({ yaml, flags: { ip: ['lab=6'], private: ['alias:lab=everyone'] } })
    const { unverifiedTls, ipFamily, private: policy } = config.registries.get('lab') ?? {}
    assert.deepEqual([unverifiedTls, ipFamily, policy], [true, 6, 'everyone'])
    assert.equal(config.registryListeners[0]?.registry, 'lab')
  })

  const broken: readonly [string, RegExp][] = [
    ['{prxy: none}', /ghcr\.io\.prxy \(line 1\): .*did you mean proxy\?/],
    ['{proxy: [none, none]}', /ghcr\.io\.proxy \(line 1\): holds several values where one/],
    ['{proxy: }', /ghcr\.io\.proxy \(line 1\): is empty: give it a value/],
    ['{private: [a/b, [c]]}', /ghcr\.io\.private \(line 1\): holds several values where one/],
    ['{ca: [/nowhere]}', /ghcr\.io\.ca \(line 1\): the file "\/nowhere" cannot be read/],
    ['{listen: 5000}', /ghcr\.io\.listen \(line 1\): port 5000 is taken by default/],
    ['{credentials: {username: u}}', /credentials \(line 1\): is not of the form \{username: USER/],
    ['{credentials: {file: /x, env: Y}}', /credentials \(line 1\): is not of the form/],
    ['{credentials: {username: u:v, password: x}}', /has a username with a colon in it/],
    ['{credentials: {usrname: u}}', /credentials\.usrname \(line 1\): .*mean username\?/],
    ['{credentials: {username: u, password: }}', /credentials\.password \(line 1\): is empty/],
  ]
  for (const [options, expected] of broken) {
    test(`refuses ${options}`, () => {
      const problems = problemsOf({ yaml: `registries: {ghcr.io: ${options}}` })
      assert.equal(problems.length, 1, problems.join('\n'))
      assert.match(problems[0] ?? '', expected)
    })
  }

  test('is complained of once where there is no such one', () => {
    const problems = problemsOf({ yaml: 'registries: {gchr.io: {ip: 4, insecure: true}}' })
    assert.equal(problems.length, 1, problems.join('\n'))
    assert.match(problems[0] ?? '', /"gchr\.io" is not a registry named here; did you mean ghcr/)
  })
})

suite('aliases in the file', () => {
  test('are hosts and names alike, and count before those of the base domain', () => {
    const yaml = `
base-domain: box.lan
aliases: {docker.box.lan: ghcr.io, hub.lan: docker.io}
registries: {alias:lab: {endpoint: http://x}}
`
    const { hosts, aliases } = load({ yaml, flags: { alias: ['hub.lan=quay.io'] } }).config
    const expected = { 'docker.box.lan': 'ghcr.io', 'hub.lan': 'quay.io', 'lab.box.lan': 'lab' }
    for (const [host, registry] of Object.entries(expected)) {
      assert.equal(hosts.get(host), registry)
      assert.equal(aliases.get(host), registry)
    }
    assert.equal(hosts.get('registry-1.docker.io'), undefined)
    assert.equal(aliases.get('registry-1.docker.io'), 'docker.io')
  })

  test('must be a map of texts', () => {
    assert.match(problemsOf({ yaml: 'aliases: [a]' }).join(), /aliases \(line 1\): is not a map of/)
    assert.match(problemsOf({ yaml: 'aliases: {a.b: }' }).join(), /aliases\.a\.b .*is empty/)
  })
})

suite('several sources', () => {
  test('of one option, the strongest that names the registry decides', () => {
    const { config } = load({
      flags: { ip: ['ghcr.io=4', '6'], 'trusted-host': ['quay.io=a.b', 'quay.io=c.d'] },
      env: { REGMIRROR_IP: 'quay.io=4', REGMIRROR_TRUSTED_HOST: 'quay.io=e.f' },
      yaml: 'registries: {ghcr.io: {ip: auto}, gcr.io: {ip: auto}, quay.io: {ip: 6}}',
    })
    const families = ['docker.io', 'ghcr.io', 'quay.io', 'gcr.io'].map(
      (name) => config.registries.get(name)?.ipFamily,
    )
    assert.deepEqual(families, [6, 4, 4, undefined])
    assert.deepEqual(config.registries.get('quay.io')?.trustedHosts, ['a.b', 'c.d'])
  })

  test('a flag can take back what the file switches on', () => {
    const yaml = 'registries: {ghcr.io: {insecure: true}}'
    const { config } = load({ yaml, flags: { insecure: ['ghcr.io=false'] } })
    assert.equal(config.registries.get('ghcr.io')?.unverifiedTls, false)
  })

  test('lists of a registry’s values are told from lists of registries', () => {
    const { config } = load({
      env: {
        REGMIRROR_PRIVATE: 'ghcr.io=myorg/*,{a,b}/** quay.io=everyone,gcr.io=x/y',
        REGMIRROR_TRUSTED_HOST: 'ghcr.io=a.b, c.d quay.io=e.f',
        REGMIRROR_INSECURE: 'ghcr.io quay.io=no,gcr.io',
        REGMIRROR_CLIENT_CERT: `ghcr.io=${pair.certificateFile},${pair.keyFile}`,
        REGMIRROR_PROXY: 'http://u:a,b@p:1, ghcr.io=none quay.io=http://q:2',
        REGMIRROR_ALIAS: 'a.lan=ghcr.io,b.lan=quay.io',
      },
    })
    const read = (name: string) => {
      const found = config.registries.get(name)
      return [found?.private, found?.trustedHosts, found?.unverifiedTls, String(found?.proxy)]
    }
    assert.deepEqual(read('ghcr.io'), [['myorg/*', '{a,b}/**'], ['a.b', 'c.d'], true, 'none'])
    assert.deepEqual(read('quay.io'), ['everyone', ['e.f'], false, 'http://q:2/'])
    assert.deepEqual(read('gcr.io'), [['x/y'], [], true, 'http://u:a,b@p:1/'])
    assert.deepEqual([...config.hosts.values()].sort(), ['ghcr.io', 'quay.io'])
  })
})

suite('contradictions', () => {
  const cert = pair.certificateFile
  const rows: readonly [string, Parameters<typeof problemsOf>[0], RegExp][] = [
    [
      'one registry told twice',
      { flags: { ip: ['ghcr.io=4', 'ghcr.io=6'] } },
      /^--ip: is given twice for ghcr\.io, where one value is expected$/,
    ],
    [
      'all registries told twice',
      { flags: { proxy: ['none', 'http://x'] } },
      /^--proxy: is given twice for every registry/,
    ],
    [
      'one registry by two names',
      { yaml: 'registries: {docker.io: {ip: 4}, index.docker.io: {ip: 6}}' },
      /index\.docker\.io\.ip \(line 1\): is given twice for docker\.io/,
    ],
    [
      'one host for two registries',
      { flags: { alias: ['a.lan=ghcr.io', 'a.lan=quay.io'] } },
      /^--alias: a\.lan is given twice, and can stand for one registry only$/,
    ],
    [
      'one port for two registries',
      { flags: { 'registry-listen': ['ghcr.io=10.0.0.1:80', 'quay.io=[::]:80'] } },
      /^--registry-listen: port 80 is taken by --registry-listen: choose another/,
    ],
    [
      'a certificate of one’s own and one that is made',
      { flags: { tls: ['self'], 'tls-cert': [cert], 'tls-key': [cert] } },
      /^--tls: contradicts --tls-cert: leave one of the two out$/,
    ],
    [
      'a certificate, and no TLS',
      { flags: { tls: ['off'], 'tls-cert': [cert], 'tls-key': [cert] } },
      /^--tls: contradicts --tls-cert/,
    ],
    [
      'a name for a certificate that is none',
      { flags: { tls: ['self'], 'tls-name': ['box.lan', 'https://box.lan'] } },
      /^--tls-name: "https:\/\/box\.lan" is not a name for a certificate: write the host alone, such/,
    ],
    [
      'an authority for what nobody looks at',
      { flags: { insecure: ['ghcr.io'], ca: [`ghcr.io=${authority.certificateFile}`] } },
      /^--insecure: nothing looks at the certificate of ghcr\.io then, yet --ca gives an authority/,
    ],
  ]
  for (const [what, sources, expected] of rows) {
    test(what, () => {
      const problems = problemsOf(sources)
      assert.equal(problems.length, 1, problems.join('\n'))
      assert.match(problems[0] ?? '', expected)
    })
  }

  test('none where a stronger source sets aside what a weaker one says', () => {
    const { config } = load({
      flags: { insecure: ['ghcr.io'], ip: ['ghcr.io=4'] },
      env: { REGMIRROR_IP: 'ghcr.io=6' },
      yaml: `registries: {ghcr.io: {ca: ${authority.certificateFile}}}`,
    })
    assert.equal(config.registries.get('ghcr.io')?.unverifiedTls, true)
  })

  test('none between listeners of other addresses or free ports', () => {
    const { config } = load({
      flags: {
        listen: ['10.0.0.1:80'],
        'registry-listen': ['ghcr.io=10.0.0.2:80', 'quay.io=10.0.0.1:0', 'gcr.io=10.0.0.1:0'],
      },
    })
    assert.equal(config.registryListeners.length, 3)
  })

  test('a certificate with its key', () => {
    const { config } = load({ flags: { 'tls-cert': [cert], 'tls-key': [pair.keyFile] } })
    const files = { kind: 'files', certificateFile: cert, keyFile: pair.keyFile }
    assert.deepEqual(config.tls, files)
  })
})
