// One owner per data folder, on the built program: who it is is said, commands go through it or take
// its place, and whatever is in the way is said in a sentence.
import assert from 'node:assert/strict'
import Database from 'better-sqlite3'
import { once } from 'node:events'
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import path from 'node:path'
import { suite, test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Jobs } from '../../src/care/jobs.ts'
import { StoreError } from '../../src/errors.ts'
import { askOwner, findOwner } from '../../src/owner/client.ts'
import { writeNote } from '../../src/owner/owner-note.ts'
import { serveJobs } from '../../src/owner/server.ts'
import { WIRE_VERSION } from '../../src/owner/wire.ts'
import { openStore } from '../../src/store/store.ts'
import { binaryPath } from '../support/binary.ts'
import { isolated, unavailable } from '../support/client-tools.ts'
import { Program } from '../support/process.ts'
import { TempFolder } from '../support/temp-folder.ts'
import { waitUntil } from '../support/wait-until.ts'

const NOBODY = '65534'
const READY = /registry-mirrors/
const skip = unavailable('unshare', 'setpriv', 'mount') ?? false

function setting(t: TestContext, label = 'owner') {
  const temp = new TempFolder(label)
  t.after(() => temp.close())
  const data = temp.join('data')
  const command = (...args: string[]): Program => {
    const program = new Program(binaryPath(), [...args, '--data', data], { cwd: temp.path })
    t.after(() => program.stop('SIGKILL'))
    return program
  }
  return { temp, data, command, serve: () => serveOn(t, data) }
}

async function serveOn(t: TestContext, data: string): Promise<Program> {
  const program = new Program(binaryPath(), serveArgs(data))
  t.after(() => program.stop('SIGKILL'))
  await program.waitForLine(READY)
  return program
}

function serveArgs(data: string): string[] {
  return ['serve', '--data', data, '--listen', '127.0.0.1:0', '--min-free', '0B']
}

async function ends(program: Program, code: number, ...sentences: RegExp[]): Promise<void> {
  const exit = await program.exited
  assert.equal(exit.code, code, program.report())
  for (const sentence of sentences) assert.match(program.stderr, sentence)
}

function isShort(program: Program): void {
  assert.ok(program.lines.stderr.length <= 2, program.report())
}

/** A store that was served from once, and that nobody owns now. */
async function leftStore(t: TestContext, data: string): Promise<void> {
  const server = await serveOn(t, data)
  await server.stop()
}

/** The program's text, run by a shell with mounts and processes of its own. */
function inNamespace(script: string, ...args: string[]): Program {
  return new Program(...isolated('sh', ['-ec', script, 'sh', ...args]))
}

suite('who owns the store', () => {
  test('commands go through the running server, and say which', async (t) => {
    const { data, command, serve } = setting(t)
    const server = await serve()
    const ls = command('ls')
    const through = new RegExp(
      `^regmirror: ${data}, through the running server \\(pid ${server.pid}\\)$`,
      'm',
    )
    await ends(ls, 0, through, /nothing is cached yet/)
    assert.equal(ls.stdout, '')
    await ends(
      command('stats', '--max-size', '5GiB', '--offline'),
      0,
      through,
      /--offline, --max-size are ignored: its own settings count/,
    )
  })

  test('without a server the command opens the store itself, and leaves nothing behind', async (t) => {
    const { data, command } = setting(t)
    await leftStore(t, data)
    await ends(command('ls'), 0, new RegExp(`^regmirror: ${data}, opened by this command$`, 'm'))
    for (const file of ['regmirror.sock', 'regmirror.owner']) {
      assert.ok(!existsSync(path.join(data, file)), file)
    }
  })

  test('a second server is refused, and told who the first is', async (t) => {
    const { data, command, serve } = setting(t)
    const server = await serve()
    const second = command('serve', '--listen', '127.0.0.1:0')
    await ends(
      second,
      2,
      new RegExp(
        `${data} is in use by regmirror serve \\(pid ${server.pid}, since 20.*\\): stop that one, or choose`,
      ),
    )
    isShort(second)
    await ends(command('ls'), 0)
  })

  test('a dead owner is in nobody’s way, even if its pid lives again as another process', async (t) => {
    const { data, command, serve } = setting(t)
    const first = await serve()
    await first.stop('SIGKILL')
    assert.ok(existsSync(path.join(data, 'regmirror.sock')))
    const socket = path.join(data, 'regmirror.sock')
    const facts = { command: 'serve', version: '0', wire: WIRE_VERSION, startedAt: 0, socket }
    writeNote(data, { ...facts, pid: process.pid })
    await ends(command('ls'), 0, /opened by this command/)
    writeNote(data, { ...facts, pid: process.pid })
    const next = await serve()
    await ends(command('ls'), 0, new RegExp(`running server \\(pid ${next.pid}\\)`))
  })

  test('commands at the same time without a server all succeed', async (t) => {
    const { data, command } = setting(t)
    await leftStore(t, data)
    const all = Array.from({ length: 6 }, () => command('stats'))
    for (const each of all) await ends(each, 0, /opened by this command|through the running/)
  })

  test('a hundred at once are answered', async (t) => {
    const { data, serve } = setting(t)
    await serve()
    const owner = await findOwner(data)
    assert.ok(owner)
    const listener = { signal: new AbortController().signal, progress: () => {}, rows: () => {} }
    const asked = Array.from({ length: 100 }, () => askOwner(owner, 'stats', { days: 1 }, listener))
    for (const answer of await Promise.all(asked)) assert.ok(answer.store)
  })

  test('a server waits for a command that is about to end', async (t) => {
    const { data } = setting(t)
    await leftStore(t, data)
    const [started, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const store = await openStore(data, 1)
    const owner = await ownedByTest(t, data, {
      verify: async () => {
        started.resolve()
        await release.promise
        return { blobs: 0, bytes: 0, bad: 0 }
      },
    })
    const living = await findOwner(data)
    assert.ok(living)
    const listener = { signal: new AbortController().signal, progress: () => {}, rows: () => {} }
    const asked = askOwner(living, 'verify', { isDeep: false }, listener)
    await started.promise
    const server = new Program(binaryPath(), serveArgs(data))
    t.after(() => server.stop('SIGKILL'))
    const ready = server.waitForLine(READY)
    release.resolve()
    await asked
    await owner.stop()
    await store.close()
    await ready
    assert.equal(server.exit, undefined)
  })
})

suite('where the store is', () => {
  test('a folder whose socket path is too long has it elsewhere', async (t) => {
    const temp = new TempFolder('long')
    t.after(() => temp.close())
    const data = temp.join('d'.repeat(60), 'e'.repeat(60), 'f'.repeat(60))
    assert.ok(`${data}/regmirror.sock`.length >= 200)
    const server = await serveOn(t, data)
    const socket = (await findOwner(data))?.socket ?? ''
    assert.ok(socket.length > 0 && socket.length <= 107 && !socket.startsWith(data), socket)
    const ls = new Program(binaryPath(), ['ls', '--data', data])
    await ends(ls, 0, new RegExp(`through the running server \\(pid ${server.pid}\\)`))
    await server.stop()
    assert.ok(!existsSync(socket), 'the socket is gone with its owner')
  })

  test('pid 1 in a container is an owner like any other', { skip }, async (t) => {
    const { data, command } = setting(t)
    const first = new Program(...isolated(binaryPath(), serveArgs(data)))
    t.after(() => first.stop('SIGKILL'))
    await first.waitForLine(READY)
    await ends(command('ls'), 0, /through the running server \(pid 1\)/)
    const second = new Program(...isolated(binaryPath(), serveArgs(data)))
    await ends(second, 2, /is in use by regmirror serve \(pid 1, since /)
    await first.stop('SIGKILL')
    const third = new Program(...isolated(binaryPath(), serveArgs(data)))
    t.after(() => third.stop('SIGKILL'))
    await third.waitForLine(READY)
  })

  test('a read-only folder, also for root', { skip }, async (t) => {
    const { data } = setting(t)
    await leftStore(t, data)
    const script =
      'mount --bind "$1" "$1"; mount -o remount,ro,bind "$1"; exec "$2" "$3" --data "$1"'
    for (const command of ['serve', 'ls']) {
      const program = inNamespace(script, data, binaryPath(), command)
      await ends(
        program,
        2,
        /the folder .* cannot be used: its file system is mounted read-only \(EROFS\); mount it writable/,
      )
      isShort(program)
    }
  })

  test('a store of a newer regmirror', async (t) => {
    const { data, command } = setting(t)
    await leftStore(t, data)
    const database = new Database(path.join(data, 'index.db'))
    database.pragma('user_version = 99')
    database.close()
    for (const name of ['serve', 'ls']) {
      const program = command(name)
      await ends(program, 2, /newer/)
      isShort(program)
    }
  })

  test('no store at all', async (t) => {
    const { temp, data, command } = setting(t)
    mkdirSync(data)
    await ends(
      command('ls'),
      2,
      new RegExp(`there is no store in ${data}: name its folder with --data DIR`),
    )
    const env = { HOME: temp.path, XDG_DATA_HOME: '', REGMIRROR_DATA: '' }
    const unnamed = new Program(binaryPath(), ['ls'], { cwd: temp.path, env })
    const both = `/var/lib/regmirror or ${temp.path}/.local/share/regmirror`
    if (!existsSync('/var/lib/regmirror')) await ends(unnamed, 2, new RegExp(`no store in ${both}`))
    await unnamed.exited
  })

  test('the user’s own store is found where the system has none', { skip }, async (t) => {
    const { temp } = setting(t)
    await leftStore(t, temp.join('.local/share/regmirror'))
    const script = 'mount -t tmpfs tmpfs /var/lib; HOME="$1" exec "$2" ls'
    const program = inNamespace(script, temp.path, binaryPath())
    await ends(
      program,
      0,
      new RegExp(`${temp.path}/.local/share/regmirror, opened by this command`),
    )
  })

  test('a folder that cannot be read is never a reason to use another one', { skip }, async (t) => {
    const { temp } = setting(t)
    copyFileSync(binaryPath(), temp.join('regmirror'))
    mkdirSync(temp.join('home'))
    for (const each of [temp.path, temp.join('regmirror'), temp.join('home')])
      chmodSync(each, 0o777)
    const script = `
      mount -t tmpfs tmpfs /var/lib
      mkdir -m "$1" /var/lib/regmirror /var/lib/regmirror/blobs
      HOME="$2/home" exec setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups "$2/regmirror" "$3"`
    for (const name of ['serve', 'ls']) {
      const program = inNamespace(script, '700', temp.path, name)
      await ends(
        program,
        2,
        /\/var\/lib\/regmirror may hold a store, but user 65534 cannot read it \(EACCES\)/,
      )
    }
    const program = inNamespace(script, '755', temp.path, 'serve')
    await ends(
      program,
      2,
      /\/var\/lib\/regmirror holds a store that user 65534 may not write to: run this as the user/,
    )
    assert.ok(!existsSync(temp.join('home/.local')), 'no second store was begun')
  })

  test('the socket of another user', { skip }, async (t) => {
    const { temp, data, serve } = setting(t)
    await serve()
    copyFileSync(binaryPath(), temp.join('regmirror'))
    for (const each of [temp.path, data, temp.join('regmirror')]) chmodSync(each, 0o755)
    const ids = ['--reuid', NOBODY, '--regid', NOBODY, '--clear-groups']
    const program = new Program('setpriv', [...ids, temp.join('regmirror'), 'ls', '--data', data])
    await ends(
      program,
      2,
      /user 65534 may not talk to the regmirror that runs on .*: run this as the user/,
    )
  })

  test('a server of another version', async (t) => {
    const { data, command } = setting(t)
    await ownedByTest(t, data, {}, WIRE_VERSION + 1)
    await ends(command('ls'), 2, /is 9\.9\.9, this one is .*: use the same for both/)
  })
})

/** This process owns the folder: its jobs are the test's. */
async function ownedByTest(t: TestContext, data: string, jobs: Partial<Jobs>, wire = WIRE_VERSION) {
  mkdirSync(path.join(data, 'blobs'), { recursive: true })
  const facts = { pid: process.pid, command: 'serve', version: '9.9.9', wire, startedAt: 0 }
  const socket = path.join(data, 'regmirror.sock')
  const server = await serveJobs(jobs, facts, [{ path: socket }])
  t.after(() => server.stop())
  writeNote(data, { ...facts, socket })
  return server
}

suite('a job that does not end', () => {
  test('Ctrl-C stops it in good order, and it tells what it did', async (t) => {
    const { data, command } = setting(t)
    const started = Promise.withResolvers<void>()
    await ownedByTest(t, data, {
      verify: async (_ask, { signal }) => {
        started.resolve()
        await once(signal, 'abort')
        return { blobs: 7, bytes: 0, bad: 0 }
      },
    })
    const verify = command('verify')
    await started.promise
    verify.signal('SIGINT')
    await ends(
      verify,
      130,
      /stopping in good order \(again to stop at once\)/,
      /interrupted after 7 blobs: none bad so far/,
    )
    assert.doesNotMatch(verify.stderr, /all is well/)
  })

  test('interrupted, ls does not say that nothing is cached, in words or as JSON', async (t) => {
    const { data, command } = setting(t)
    let started = Promise.withResolvers<void>()
    await ownedByTest(t, data, {
      ls: async (_ask, { signal }) => {
        started.resolve()
        await once(signal, 'abort')
        return { images: 0, heldBytes: 0 }
      },
    })
    for (const args of [['ls'], ['ls', '--json']]) {
      started = Promise.withResolvers<void>()
      const ls = command(...args)
      await started.promise
      ls.signal('SIGINT')
      await ends(ls, 130, /interrupted: 0 images listed until then/)
      assert.doesNotMatch(ls.stderr, /nothing is cached/)
      assert.equal(ls.stdout, '')
    }
  })

  test('interrupted, a JSON document says so', async (t) => {
    const { data, command } = setting(t)
    const started = Promise.withResolvers<void>()
    await ownedByTest(t, data, {
      verify: async (_ask, { signal }) => {
        started.resolve()
        await once(signal, 'abort')
        return { blobs: 7, bytes: 0, bad: 0 }
      },
    })
    const verify = command('verify', '--json')
    await started.promise
    verify.signal('SIGINT')
    await ends(verify, 130)
    const { interrupted, blobs } = JSON.parse(verify.stdout) as Record<string, unknown>
    assert.deepEqual([interrupted, blobs], [true, 7])
  })

  test('what fails on the disk once the job has begun is no wrong usage', async (t) => {
    const { data, command } = setting(t)
    await ownedByTest(t, data, {
      verify: () => Promise.reject(new StoreError('full', 'the disk is full')),
    })
    await ends(command('verify'), 1, /^regmirror: the disk is full$/m)
  })

  test('the second Ctrl-C ends the command at once', async (t) => {
    const { data, command } = setting(t)
    const [started, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    await ownedByTest(t, data, {
      verify: async () => {
        started.resolve()
        await release.promise
        return { blobs: 7, bytes: 0, bad: 0 }
      },
    })
    const verify = command('verify')
    await started.promise
    verify.signal('SIGINT')
    await verify.waitForLine(/stopping in good order/)
    // One that comes at once may be the same press.
    await waitUntil(
      () => {
        verify.signal('SIGINT')
        return verify.exit !== undefined
      },
      { what: 'the end at once' },
    )
    await ends(verify, 130)
    release.resolve()
  })

  test('a server that ends in the middle is named', async (t) => {
    const { data, command } = setting(t)
    const server = await ownedByTest(t, data, {})
    await server.stop()
    rmSync(path.join(data, 'regmirror.sock'), { force: true })
    const facts = { pid: 812, command: 'serve', version: '0', wire: WIRE_VERSION, startedAt: 0 }
    const dying = createServer((request, response) => {
      if (request.method === 'GET') return void response.end(JSON.stringify(facts))
      response.writeHead(200).write('{"kind":"rows","rows":[]}\n')
      setImmediate(() => response.destroy())
    })
    dying.listen(path.join(data, 'regmirror.sock'))
    await once(dying, 'listening')
    t.after(() => dying.close())
    await ends(command('ls'), 1, /the running regmirror serve \(pid 812\) ended before ls was done/)
  })

  test('output that cannot be written is told, unlike a reader that has gone', async (t) => {
    const { data } = setting(t)
    await leftStore(t, data)
    for (const args of ['stats', 'ls --json', 'ls --help', 'config']) {
      const script = `"$1" ${args} --data "$2" > /dev/full`
      const program = new Program('sh', ['-c', script, 'sh', binaryPath(), data])
      await ends(program, 1, /the output could not be written: ENOSPC/)
    }
  })

  test('a reader that goes away (| head) ends it quietly', async (t) => {
    const { data } = setting(t)
    const stopped = Promise.withResolvers<void>()
    await ownedByTest(t, data, {
      ls: async (_ask, { signal, rows }) => {
        const image = { registry: 'docker.io', repository: 'library/app', tag: 'x'.repeat(1000) }
        const more = { digest: 'sha256:0', platforms: [], pinnedBy: [], storedAt: 0 }
        const row = { ...image, ...more, sizeBytes: 0, sharedBytes: 0, lastPullAt: undefined }
        while (!signal.aborted) await rows(Array.from({ length: 100 }, () => row as never))
        stopped.resolve()
        return { images: 0, heldBytes: 0 }
      },
    })
    const script = 'set -o pipefail; "$1" ls --json --data "$2" | head -c 10'
    const program = new Program('bash', ['-c', script, 'bash', binaryPath(), data])
    await ends(program, 0)
    await stopped.promise
    isShort(program)
  })
})
