import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namesOf } from '../../../src/tls/check-pair.ts'
import { certificateNames, missingNames } from '../../../src/tls/names.ts'
import { issueAuthority, issueServer } from '../../../src/tls/x509.ts'

const NOTHING = { hostName: 'box', knownAs: [], addresses: [], hosts: [] }
const ALWAYS = ['localhost', '127.0.0.1', '::1', 'box', 'box.local']

test('a box is known by its loopback names, its own name and its addresses', () => {
  const names = certificateNames({ ...NOTHING, addresses: ['10.0.0.5'] })
  assert.deepEqual(names, [...ALWAYS, '10.0.0.5'])
})

test('a full host name is there with its short form', () => {
  const names = certificateNames({ ...NOTHING, hostName: 'Box.Office.lan' })
  assert.ok(names.includes('box.office.lan') && names.includes('box'))
})

test('of what the name service knows only the box’s own name counts', () => {
  const knownAs = ['box.office.lan', 'dyn-17.provider.example', 'boxer.office.lan']
  assert.deepEqual(certificateNames({ ...NOTHING, knownAs }), [...ALWAYS, 'box.office.lan'])
})

const HOSTS: readonly [string, readonly string[], readonly string[]][] = [
  ['one host is there as it is', ['docker.box.lan'], ['docker.box.lan']],
  ['a port is no part of a name', ['hub.lan:5000', '[fd00::5]:5000'], ['hub.lan', 'fd00::5']],
  ['an IPv6 address keeps its end', ['fd00::5'], ['fd00::5']],
  ['brackets are no part of an address', ['[fd00::5]'], ['fd00::5']],
  ['one address in two spellings is there once', ['fd00:0:0::5', 'FD00::5'], ['fd00::5']],
  [
    'hosts of one domain bring it and all below it',
    ['docker.box.lan', 'ghcr.box.lan'],
    ['docker.box.lan', 'ghcr.box.lan', 'box.lan', '*.box.lan'],
  ],
  ['hosts of a top-level domain do not', ['docker.lan', 'ghcr.lan'], ['docker.lan', 'ghcr.lan']],
  ['addresses of one network do not', ['10.0.0.5', '11.0.0.5'], ['10.0.0.5', '11.0.0.5']],
  ['every address is no address', ['0.0.0.0', '::', '0:0:0:0:0:0:0:0'], []],
  [
    'what no certificate could hold is left out',
    ['büro.lan', 'a b', '1:2:3', 'fe80::1%eth0', ''],
    [],
  ],
]

for (const [what, hosts, more] of HOSTS) {
  test(what, () => {
    assert.deepEqual(certificateNames({ ...NOTHING, hosts }), [...ALWAYS, ...more])
  })
}

test('names that went away are not missed, names that came are', () => {
  assert.deepEqual(missingNames(['a', 'b'], ['a']), [])
  assert.deepEqual(missingNames(['a', 'b'], ['a', 'c']), ['c'])
})

for (const host of [
  '2001:db8:0:0::1',
  '[2001:DB8::7]:5000',
  '0:0:0:0:0:0:0:1',
  '::ffff:10.0.0.1',
  '10.0.0.1',
  '*.Box.lan',
]) {
  test(`a certificate made for ${host} has the names it was made for`, () => {
    const wanted = certificateNames({ ...NOTHING, hosts: [host] })
    const authority = issueAuthority('tests', Date.now())
    const { certificate } = issueServer(authority, wanted, Date.now())
    assert.deepEqual(namesOf(certificate), wanted)
  })
}
