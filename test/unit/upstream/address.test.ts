import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mayReach, reachOf } from '../../../src/upstream/address.ts'
import type { Reach } from '../../../src/upstream/address.ts'

const HOSTS: Readonly<Record<Reach, readonly string[]>> = {
  public: [
    'registry-1.docker.io',
    '8.8.8.8',
    '172.32.0.1',
    '11.0.0.1',
    '192.169.0.1',
    '198.20.0.1',
    '223.255.255.255',
    '[2606:4700::1]',
    '[::ffff:8.8.8.8]',
    '[64:ff9b::8.8.8.8]',
    '[2002:808:808::1]',
    '10.example.com',
    'registry.lan',
    'localhost.example.com',
    'notlocalhost',
  ],
  private: [
    '10.1.2.3',
    '10.1.2.3.',
    '0xA.1.2.3',
    '012.1.2.3',
    '167838211',
    '100.64.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '198.19.0.1',
    '[fd00::1]',
    '[fec0::1]',
    '[::ffff:10.0.0.1]',
    '[::10.0.0.1]',
    '[64:ff9b::10.0.0.1]',
    '[64:ff9b:1::a00:1]',
    '[2002:a00:1::1]',
  ],
  loopback: [
    '127.0.0.1',
    '127.8.8.8',
    '2130706433',
    '0x7f.1',
    '017700000001',
    '127.1',
    '127.0.0.1.',
    '①②⑦.0.0.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
    'localhost',
    'LOCALHOST.',
    'registry.localhost',
    'localhost.localdomain',
    'ip6-localhost',
  ],
  nowhere: [
    '0.0.0.0',
    '0.1.2.3',
    '0',
    '169.254.169.254',
    '0xA9FEA9FE',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '[::]',
    '[fe80::1]',
    '[ff02::1]',
    '[::ffff:169.254.169.254]',
    '[64:ff9b::169.254.169.254]',
    '[2002:a9fe:a9fe::]',
    '[2001::1]',
  ],
}

for (const [reach, hosts] of Object.entries(HOSTS)) {
  for (const host of hosts) {
    test(`${host} is ${reach}`, () => assert.equal(reachOf(new URL(`http://${host}:5000/`)), reach))
  }
}

test('an address with a zone is no URL at all', () => {
  assert.equal(URL.parse('http://[fe80::1%25eth0]/'), null)
  assert.equal(URL.parse('http://[fe80::1%eth0]/'), null)
})

const HUB = 'https://registry.test'
const LAN = 'http://10.0.0.5:5000'
const HERE = 'http://127.0.0.1:5000'

// [target, endpoint, allowed, trusted hosts]
const REACHABLE: [string, string, boolean, string[]?][] = [
  ['https://cdn.test', HUB, true],
  ['https://8.8.8.8', HUB, true],
  ['http://10.0.0.1', HUB, false],
  ['http://127.0.0.1', HUB, false],
  ['http://localhost', HUB, false],
  ['http://169.254.169.254', HUB, false],
  ['https://cdn.test', LAN, true],
  ['http://10.0.0.5:81', LAN, true],
  ['http://192.168.0.1', LAN, true],
  ['http://127.0.0.1', LAN, false],
  ['http://169.254.169.254', LAN, false],
  ['http://10.0.0.1', HERE, true],
  ['http://127.0.0.2:9', HERE, true],
  ['http://0.0.0.0', HERE, false],
  ['http://169.254.169.254', HERE, false],
  ['http://169.254.1.1:80', 'http://169.254.1.1:5000', true],
  ['http://10.0.0.1', HUB, true, ['10.0.0.1']],
  ['http://10.0.0.1', HUB, true, ['10.0.0.1:80']],
  ['http://10.0.0.1', HUB, false, ['10.0.0.1:8080', 'auth.corp']],
  ['http://169.254.169.254', LAN, true, ['169.254.169.254']],
]

for (const [target, endpoint, allowed, trusted = []] of REACHABLE) {
  const trusting = trusted.length > 0 ? `, trusting ${trusted.join(' ')},` : ''
  test(`${endpoint}${trusting} may ${allowed ? '' : 'not '}send us to ${target}`, () => {
    assert.equal(mayReach(new URL(target), new URL(endpoint), trusted), allowed)
  })
}
