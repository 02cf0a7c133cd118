// Where an owner can listen: beside its store where the path is short enough, else in a folder of its own.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { socketPlaces } from '../../../src/owner/socket-path.ts'
import type { SocketSurroundings } from '../../../src/owner/socket-path.ts'

const linux: SocketSurroundings = {
  platform: 'linux',
  runtimeFolder: '/run/user/7',
  uid: 7,
  tmpFolder: '/tmp',
}
const ofLength = (length: number): string => `/${'d'.repeat(length - '//regmirror.sock'.length)}`
const paths = (folder: string, surroundings = linux): string[] =>
  socketPlaces(folder, surroundings).map(({ path }) => path)

test('beside the store first, then below each runtime folder', () => {
  const [beside, ...elsewhere] = paths('/var/lib/regmirror')
  assert.equal(beside, '/var/lib/regmirror/regmirror.sock')
  const folders = ['/run/user/7/regmirror-7', '/run/regmirror-7', '/tmp/regmirror-7']
  assert.deepEqual(
    elsewhere.map((path) => path.slice(0, path.lastIndexOf('/'))),
    folders,
  )
})

test('a path of 107 bytes is a socket on Linux, one of 108 is not', () => {
  assert.equal(paths(ofLength(107))[0], `${ofLength(107)}/regmirror.sock`)
  assert.match(paths(ofLength(108))[0] ?? '', /^\/run\/user\/7\/regmirror-7\/[0-9a-f]{24}\.sock$/)
})

test('bytes count, not letters', () => {
  const folder = `/${'ü'.repeat(50)}`
  assert.ok(folder.length + '/regmirror.sock'.length < 107)
  assert.doesNotMatch(paths(folder)[0] ?? '', /ü/)
})

test('macOS takes 103 bytes', () => {
  const surroundings = { ...linux, platform: 'darwin' } as const
  assert.equal(paths(ofLength(103), surroundings)[0], `${ofLength(103)}/regmirror.sock`)
  assert.notEqual(paths(ofLength(104), surroundings)[0], `${ofLength(104)}/regmirror.sock`)
})

test('two folders never share a socket', () => {
  const long = ofLength(200)
  assert.notEqual(paths(long)[0], paths(`${long}2`)[0])
})

test('Windows has named pipes', () => {
  const found = paths('C:\\cache', { ...linux, platform: 'win32' })
  assert.equal(found.length, 1)
  assert.match(found[0] ?? '', /^\\\\\.\\pipe\\regmirror-[0-9a-f]{24}$/)
})
