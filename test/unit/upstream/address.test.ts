import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLocalHost, mayReach } from '../../../src/upstream/address.ts'

const LOCAL = [
  'http://127.0.0.1/',
  'http://127.8.8.8:5000/',
  'http://2130706433/',
  'http://0x7f.1/',
  'http://0.0.0.0/',
  'http://10.1.2.3/',
  'http://100.64.0.1/',
  'http://169.254.169.254/latest/meta-data',
  'http://172.16.0.1/',
  'http://172.31.255.255/',
  'http://192.168.1.1/',
  'http://[::1]/',
  'http://[::]/',
  'http://[fe80::1]/',
  'http://[fd00::1]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[::ffff:10.0.0.1]/',
  'http://[64:ff9b::10.0.0.1]/',
  'http://localhost:5000/',
  'http://LOCALHOST./',
  'http://registry.localhost/',
]

const ELSEWHERE = [
  'https://registry-1.docker.io/',
  'https://8.8.8.8/',
  'http://172.32.0.1/',
  'http://11.0.0.1/',
  'http://192.169.0.1/',
  'http://[2606:4700::1]/',
  'http://[::ffff:8.8.8.8]/',
  'http://10.example.com/',
  'http://registry.lan/',
]

for (const url of LOCAL) test(`local: ${url}`, () => assert.ok(isLocalHost(new URL(url))))
for (const url of ELSEWHERE) test(`not local: ${url}`, () => assert.ok(!isLocalHost(new URL(url))))

const REACHABLE: [string, string, boolean][] = [
  ['https://cdn.test', 'https://registry.test', true],
  ['http://10.0.0.1', 'https://registry.test', false],
  ['http://10.0.0.1', 'http://127.0.0.1:5000', true],
  ['http://10.0.0.1:81', 'http://10.0.0.1:5000', true],
  ['https://cdn.test', 'http://10.0.0.1:5000', true],
]

for (const [target, endpoint, allowed] of REACHABLE) {
  test(`${endpoint} may ${allowed ? '' : 'not '}send us to ${target}`, () => {
    assert.equal(mayReach(new URL(target), new URL(endpoint)), allowed)
  })
}
