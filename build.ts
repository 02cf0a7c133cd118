// Builds dist/regmirror, one file that needs nothing beside it, in three steps:
//   embed    the native addons: which files, and the hashes that the program checks them by
//   bundle   every worker, then the program with the workers inside it (esbuild)
//   package  bundle, addons and Node into one executable (pkg)
// Uses npm packages only and downloads nothing. `--force` builds even when nothing changed.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, globSync } from 'node:fs'
import { chmod, copyFile, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { BuildOptions } from 'esbuild'
import type { SeaConfig } from '@yao-pkg/pkg/lib-es5/sea.js'

const root = import.meta.dirname
const output = path.join(root, 'dist/regmirror')
const workFolder = path.join(root, 'node_modules/.cache/regmirror')
const platform = `${process.platform}-${process.arch}`

// The name is what src/lib/embedded.ts asks for.
const addonFiles: Record<string, string> = {
  better_sqlite3: path.join(root, `node_modules/better-sqlite3/prebuilds/${platform}.node`),
  ...(process.platform === 'linux' ? { koffi: koffiFile() } : {}),
}

type Addons = Record<string, { file: string; hash: string }>

process.chdir(root)
if (!process.argv.includes('--force') && (await isUpToDate())) {
  say('dist/regmirror is up to date (--force builds it again)')
} else {
  try {
    await buildExecutable()
  } catch (error) {
    say(`failed: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  }
}

/** For sendfile, which is Linux's. */
function koffiFile(): string {
  const folder = platform.replace('-', '_')
  return path.join(root, `node_modules/@koromix/koffi-${platform}/${folder}/koffi.node`)
}

async function buildExecutable(): Promise<void> {
  const startedAt = performance.now()
  await mkdir(workFolder, { recursive: true })
  const addons = await embed()
  const bundleFile = await bundle(addons)
  await packageExecutable(bundleFile, addons)
  say(`dist/regmirror, ${await sizes(bundleFile, addons)}, ${seconds(startedAt)}`)
}

/** Of the whole and of each part; what is left over is what V8 made of the bundle beforehand. */
async function sizes(bundleFile: string, addons: Addons): Promise<string> {
  const { size: whole } = await stat(output)
  const files = {
    Node: await strippedNode(),
    bundle: bundleFile,
    ...Object.fromEntries(Object.entries(addons).map(([name, { file }]) => [name, file])),
  }
  const parts = await Promise.all(
    Object.entries(files).map(async ([name, file]) => ({ name, size: (await stat(file)).size })),
  )
  const rest = whole - parts.reduce((sum, { size }) => sum + size, 0)
  const shown = [...parts, { name: 'code cache', size: rest }].map(
    ({ name, size }) => `${name} ${megabytes(size)}`,
  )
  return `${megabytes(whole)} (${shown.join(', ')})`
}

async function embed(): Promise<Addons> {
  const addons: Addons = {}
  for (const [name, file] of Object.entries(addonFiles)) {
    const bytes = await readFile(file).catch((cause: unknown) => {
      throw new Error(`There is no native addon ${name} for ${platform} (${file}).`, { cause })
    })
    const hash = createHash('sha256').update(bytes).digest('hex')
    addons[name] = { file, hash }
    say(`embed    ${name} for ${platform}, ${megabytes(bytes.length)}`)
  }
  return addons
}

async function bundle(addons: Addons): Promise<string> {
  const { build } = await import('esbuild')
  const startedAt = performance.now()
  const hashes = Object.fromEntries(Object.entries(addons).map(([name, { hash }]) => [name, hash]))
  const options = {
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minify: true,
    // Stack traces in a bug report should still name functions.
    keepNames: true,
    legalComments: 'none',
    logLevel: 'warning',
    // Inside a single executable only require() can load Node's own modules lazily.
    supported: { 'dynamic-import': false },
    // yargs asks for its own place; a CommonJS bundle has none, the executable's does.
    banner: {
      js: 'const __import_meta_url=require("node:url").pathToFileURL(process.execPath).href;',
    },
  } satisfies BuildOptions
  const define = {
    'import.meta.url': '__import_meta_url',
    REGMIRROR_ADDONS: JSON.stringify(hashes),
  }

  const workers: Record<string, string> = {}
  for (const entry of globSync('src/**/*-worker.ts').sort()) {
    const result = await build({ ...options, define, entryPoints: [entry], write: false })
    const name = path.basename(entry, '.ts')
    if (workers[name] !== undefined) throw new Error(`Two workers are named ${name}.`)
    workers[name] = result.outputFiles[0]!.text
  }

  const file = path.join(workFolder, 'main.cjs')
  await build({
    ...options,
    define: { ...define, REGMIRROR_WORKERS: JSON.stringify(workers) },
    entryPoints: ['src/bin/node.ts'],
    outfile: file,
  })
  const text = await readFile(file, 'utf8')
  // One character beyond Latin-1, which esbuild leaves in a regular expression, and V8 keeps two bytes
  // for each of the whole text: 3 MB.
  const [wide] = /[^\0-\u00ff]/.exec(text) ?? []
  if (wide !== undefined) throw new Error(`The bundle holds "${wide}": write it as an escape.`)
  const names = Object.keys(workers).join(', ') || 'none'
  say(
    `bundle   src/bin/node.ts, ${kilobytes(text.length)}, workers: ${names}, ${seconds(startedAt)}`,
  )
  return file
}

/** pkg's types do not know all that Node's configuration takes and pkg passes on. */
function seaConfig(addons: Addons): SeaConfig {
  const config = {
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    useCodeCache: true,
    // Bodies pass through short-lived buffers, which only a collection gives back: with V8's own
    // 16 MiB of young objects a 1.5 GiB pull peaked at 239 MB, with 1 MiB at 169 MB, as fast. But
    // with 1 MiB what 64 downloads wait for is taken for old, and stays: with 2 they peak 15 MB
    // lower. One thread for V8's own work instead of four saved 8 MB more.
    execArgv: ['--max-semi-space-size=2', '--v8-pool-size=1'],
    assets: Object.fromEntries(Object.entries(addons).map(([name, addon]) => [name, addon.file])),
  }
  return config
}

async function packageExecutable(bundleFile: string, addons: Addons): Promise<void> {
  const startedAt = performance.now()
  const node = await strippedNode()
  // pkg's plain single-executable mode. Its command line cannot pass a Node that is already here (it
  // would download one) nor assets, and its other mode puts a virtual file system in front of every
  // file operation and needs a home folder. This module is internal: pkg's version is exact.
  const { default: pkg } = await import('@yao-pkg/pkg/lib-es5/sea.js')
  const staged = path.join(workFolder, 'regmirror')
  await rm(staged, { force: true })
  const config = seaConfig(addons)
  // So the benchmark can make what Node's own tools make of the same.
  await writeFile(
    path.join(workFolder, 'sea.json'),
    JSON.stringify({ main: bundleFile, ...config }),
  )
  await pkg.default(bundleFile, {
    nodePath: node,
    signature: true,
    seaConfig: config,
    targets: [
      {
        nodeRange: `node${process.versions.node}`,
        platform: process.platform === 'darwin' ? 'macos' : 'linux',
        arch: process.arch,
        output: staged,
      },
    ],
  })
  // Copied in small pieces: a file that was written in one go lies in the page cache in large ones,
  // and whoever runs it from there has 19 MB more of it mapped.
  const copy = `${output}.new`
  await mkdir(path.dirname(output), { recursive: true })
  await pipeline(createReadStream(staged), createWriteStream(copy, { mode: 0o755 }))
  await chmod(copy, 0o755)
  // Renamed into place, so that a running regmirror keeps its own file.
  await rename(copy, output)
  say(`package  with Node ${process.version}, ${seconds(startedAt)}`)
}

// Symbols are a seventh of Node's size and nothing here reads them.
async function strippedNode(): Promise<string> {
  const node = path.join(workFolder, `node-${process.version}-${platform}`)
  if (await modifiedAt(node)) return node
  const staged = `${node}.new`
  await copyFile(process.execPath, staged)
  await chmod(staged, 0o755)
  if (process.platform === 'linux') {
    try {
      execFileSync('strip', ['--strip-all', staged])
    } catch {
      say('package  strip (binutils) is not here: Node keeps its symbols, about 18 MB')
      return staged
    }
  }
  await rename(staged, node)
  return node
}

async function isUpToDate(): Promise<boolean> {
  const builtAt = await modifiedAt(output)
  if (builtAt === undefined) return false
  const inputs = ['build.ts', 'package.json', 'package-lock.json', 'src', ...globSync('src/**/*')]
  const times = await Promise.all(inputs.map(modifiedAt))
  return times.every((time) => time !== undefined && time <= builtAt)
}

async function modifiedAt(file: string): Promise<number | undefined> {
  return stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  )
}

function say(line: string): void {
  console.error(`build: ${line}`)
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}

function kilobytes(bytes: number): string {
  return `${Math.round(bytes / 1e3)} kB`
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`
}
