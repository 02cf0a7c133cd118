// The binary alone: copied into an empty folder of a machine that gives it nothing but a data
// folder. No home, no name for its user, no writable root, no /tmp that programs may be run from.
import assert from 'node:assert/strict'
import { chmodSync, copyFileSync, mkdirSync } from 'node:fs'
import { test } from 'node:test'
import { binaryPath } from '../support/binary.ts'
import { isolated, unavailable } from '../support/client-tools.ts'
import { seededContent } from '../support/content.ts'
import { freePort } from '../support/net-ports.ts'
import { Program } from '../support/process.ts'
import { rawRequest } from '../support/raw-http.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { TempFolder } from '../support/temp-folder.ts'
import { waitUntil } from '../support/wait-until.ts'

const skip = unavailable('unshare', 'setpriv', 'mount') ?? false

// The work folder is a mount of its own, so that it keeps its rights when the root loses them.
const SCRIPT = `
set -e
mount -t tmpfs -o size=64m tmpfs "$1/data"
chown 65534:65534 "$1/data"
mount --bind "$1/data" "$1/data"
mount -t tmpfs -o noexec,nosuid,size=1m tmpfs /tmp
mount -o remount,ro,bind /
cp /bin/true /tmp/probe
if /tmp/probe 2>/dev/null; then echo "/tmp runs programs" >&2; exit 9; fi
if touch "$1/bin/probe" 2>/dev/null; then echo "the root is writable" >&2; exit 9; fi
cd "$1/bin"
exec setpriv --reuid 65534 --regid 65534 --clear-groups env -i \\
  ./regmirror serve --listen "127.0.0.1:$2" --data "$1/data" --registry "docker.io=$3" \\
  --tls self
`

test('serves as uid 65534 without home, /tmp and writable root', { skip }, async () => {
  // Not under /tmp, which the script covers.
  await using folder = new TempFolder('alone', '/var/tmp')
  mkdirSync(folder.join('bin'))
  mkdirSync(folder.join('data'))
  copyFileSync(binaryPath(), folder.join('bin/regmirror'))
  for (const path of [folder.path, folder.join('bin'), folder.join('bin/regmirror')]) {
    chmodSync(path, 0o755)
  }
  await using upstream = await ScriptedUpstream.start()
  const content = seededContent('alone', 1024 * 1024)
  const digest = upstream.addBlob('library/app', content)
  const port = await freePort()
  const args = ['-c', SCRIPT, 'sh', folder.path, String(port), upstream.url]
  await using program = new Program(...isolated('sh', args))

  await waitUntil(
    async () => {
      if (program.exit !== undefined) throw new Error(program.report())
      return await rawRequest(`http://127.0.0.1:${port}/v2/`).then(
        (response) => response.close().then(() => true),
        () => false,
      )
    },
    { what: 'the mirror answers' },
  )
  await using authority = await rawRequest(`http://127.0.0.1:${port}/ca.crt`)
  const ca = (await authority.body()).toString()
  const url = `https://127.0.0.1:${port}/v2/library/app/blobs/${digest}`
  await using response = await rawRequest(url, { ca })
  const { sha256, ending } = await response.take({ hash: true })
  assert.deepEqual({ sha256, ending }, { sha256: digest, ending: 'complete' })
})
