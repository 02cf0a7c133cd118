// What a command loads that needs little: each megabyte of modules is a megabyte of idle memory and some
// ten milliseconds of every start. Imports that stand at the head of a file count, import() does not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { build } from 'esbuild'

const root = new URL('../../../', import.meta.url).pathname

/** The files that are loaded with `entry`, as paths from the root. */
async function loadedWith(entry: string): Promise<readonly string[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
    define: { 'import.meta.url': '""' },
  })
  const loaded = new Set([entry])
  for (const file of loaded) {
    const imports = metafile.inputs[file]?.imports ?? []
    for (const { path, kind, external } of imports) {
      if (kind !== 'dynamic-import' && external !== true) loaded.add(path)
    }
  }
  return [...loaded]
}

function among(files: readonly string[], folders: readonly string[]): readonly string[] {
  return files.filter((file) => folders.some((folder) => file.startsWith(folder)))
}

test('a command loads neither what reads lists nor what serves before it is known which it is', async () => {
  const loaded = await loadedWith('src/bin/node.ts')
  assert.ok(loaded.includes('src/cli/warm.ts'), 'the commands themselves are there')
  const late = ['src/list-files/', 'src/warm/', 'src/mirror/', 'src/upstream/', 'src/store/']
  const packages = ['re2js', 'semver', 'diff', 'undici', 'zod', 'yaml', 'tldts', 'hono', 'croner']
  const unneeded = [...late, ...packages.map((name) => `node_modules/${name}/`)]
  assert.deepEqual(among(loaded, unneeded), [])
})

test('a server without lists loads neither what follows one nor what warms, nor what few ways out need', async () => {
  const loaded = [
    ...(await loadedWith('src/compose.ts')),
    ...(await loadedWith('src/open-mirror.ts')),
  ]
  assert.ok(loaded.includes('src/mirror/mirror.ts'))
  const unneeded = [
    'src/list-files/',
    'src/warm/run.ts',
    'src/warm/scheduler.ts',
    'src/upstream/socks5.ts',
    'node_modules/croner/',
    'node_modules/socks/',
    'node_modules/undici/index.js',
    'node_modules/undici/lib/mock/',
  ]
  assert.deepEqual(among(loaded, unneeded), [])
})
