// Who may import whom. Folders import one way and never in a circle, so each can be read alone.
// "types of" means `import type`: a folder that has only another's types cannot run its code.

const folder = (...names) => `^src/(${names.join('|')})/`
const file = (...names) => `^src/(${names.join('|')})\\.ts$`
const project = '^(src|test)/|^build\\.ts$'
const vocabulary = [folder('lib', 'oci'), file('errors')]
const own = (name) => folder(name)
const notTypes = { dependencyTypesNot: ['type-only'] }

// `values`: what the folder may import. `types`: what it may import only as types.
function mayImport(name, from, { values, types = [] }) {
  const rules = [
    {
      name: `${name}-imports`,
      comment: `${name} may not import this at all.`,
      severity: 'error',
      from: { path: from },
      to: { path: project, pathNot: [...values, ...types].join('|') },
    },
  ]
  if (types.length === 0) return rules
  const typesOnly = {
    name: `${name}-imports-only-types`,
    comment: `${name} may import only types from there.`,
    severity: 'error',
    from: { path: from },
    to: { path: types.join('|'), ...notTypes },
  }
  return [...rules, typesOnly]
}

function onlyIn(from, packages, { typesFrom } = {}) {
  const names = packages.join('|')
  const to = { path: `(^|node_modules/)(@types/)?(${names})(/|$)`, dependencyTypesNot: ['local'] }
  const rule = (suffix, pathNot, more) => ({
    name: `only-there-${packages[0].replace(/\W/g, '')}${suffix}`,
    comment: `${packages.join(', ')}: one folder names it, so that it can be replaced there.`,
    severity: 'error',
    from: { path: '^src/', pathNot },
    to: { ...to, ...more },
  })
  if (typesFrom === undefined) return [rule('', from)]
  return [
    rule('-types', `${from}|${typesFrom}`),
    rule('', from, { dependencyTypesNot: ['local', 'type-only'] }),
  ]
}

module.exports = {
  forbidden: [
    ...mayImport('lib', folder('lib'), { values: [own('lib')] }),
    ...mayImport('oci', folder('oci'), { values: [folder('oci', 'lib'), file('errors')] }),
    ...mayImport('errors', file('errors'), { values: [folder('oci', 'lib')] }),
    ...mayImport('store', folder('store'), {
      values: [...vocabulary, own('store')],
      types: [folder('runtime')],
    }),
    ...mayImport('upstream', folder('upstream'), {
      values: [...vocabulary, own('upstream'), file('version')],
      types: [folder('runtime')],
    }),
    ...mayImport('credentials', folder('credentials'), {
      values: [...vocabulary, own('credentials')],
      types: [folder('upstream', 'config')],
    }),
    ...mayImport('care', folder('care'), {
      values: [...vocabulary, own('care')],
      types: [folder('list', 'store', 'upstream')],
    }),
    ...mayImport('owner', folder('owner'), {
      values: [...vocabulary, own('owner'), file('version')],
      types: [folder('care')],
    }),
    ...mayImport('mirror', folder('mirror'), {
      values: [...vocabulary, folder('list', 'mirror')],
      types: [folder('care', 'store', 'upstream')],
    }),
    ...mayImport('list', folder('list'), { values: [...vocabulary, own('list')] }),
    ...mayImport('list-files', folder('list-files'), {
      values: [...vocabulary, folder('list', 'list-files')],
    }),
    ...mayImport('warm', folder('warm'), {
      values: [...vocabulary, folder('warm', 'list'), file('version')],
      types: [folder('care', 'mirror', 'store', 'upstream')],
    }),
    ...mayImport('http', folder('http'), {
      values: [...vocabulary, own('http'), file('version')],
      types: [folder('mirror', 'runtime')],
    }),
    ...mayImport('config', folder('config'), { values: [...vocabulary, own('config')] }),
    ...mayImport('runtime', folder('runtime'), {
      values: [...vocabulary, own('runtime')],
      types: [folder('http', 'mirror')],
    }),
    ...mayImport('tls', folder('tls'), { values: [folder('lib'), file('errors'), own('tls')] }),
    ...mayImport('cli', folder('cli'), {
      values: [
        ...vocabulary,
        own('cli'),
        folder('config', 'credentials', 'list', 'list-files', 'owner'),
        file('compose', 'open-access', 'open-mirror', 'own-store', 'version'),
      ],
      types: [folder('care', 'http', 'mirror', 'store', 'upstream', 'runtime', 'tls')],
    }),
    ...mayImport('bin', folder('bin'), { values: [folder('bin', 'cli', 'runtime')] }),
    {
      name: 'compose-is-below-the-command-line',
      comment: 'These put the parts together; only cli and tests start them.',
      severity: 'error',
      from: {
        path: file('compose', 'open-access', 'open-mirror', 'own-store', 'schedule-warming'),
      },
      to: { path: folder('cli', 'bin') },
    },
    {
      name: 'version-imports-nothing',
      severity: 'error',
      from: { path: file('version') },
      to: { path: '^src/' },
    },
    {
      name: 'source-never-imports-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test/|build\\.ts$)' },
    },

    ...onlyIn(folder('http'), ['hono'], { typesFrom: `${folder('runtime')}|${file('compose')}` }),
    ...onlyIn(folder('upstream'), ['undici']),
    ...onlyIn(folder('upstream'), ['socks']),
    ...onlyIn(folder('upstream'), ['tldts']),
    ...onlyIn(folder('store'), ['better-sqlite3']),
    ...onlyIn(folder('cli'), ['yargs', 'yargs-parser']),
    ...onlyIn(folder('config'), ['zod', 'yaml']),
    ...onlyIn(folder('lib'), ['croner']),
    ...onlyIn(folder('tls'), ['@peculiar/asn1-schema', '@peculiar/asn1-x509']),

    {
      name: 'no-circle',
      comment: 'Not even of types: a circle means that two files are one.',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true },
    },
    {
      name: 'reachable-from-bin',
      comment: 'Nothing starts this file. Import it, or delete it.',
      severity: 'error',
      // Workers are started by address, not imported.
      from: { path: '^src/bin/|-worker\\.ts$' },
      to: { path: '^src/', pathNot: '^src/bin/|-worker\\.ts$|\\.d\\.ts$', reachable: false },
    },
    {
      name: 'no-missing-module',
      comment: 'Not in the tree and not in package.json.',
      severity: 'error',
      from: { path: project },
      to: { couldNotResolve: true },
    },
    {
      name: 'packages-of-the-product',
      comment: 'The product uses only what package.json lists under "dependencies".',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'npm-optional'],
        dependencyTypesNot: ['type-only'],
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    moduleSystems: ['es6', 'cjs'],
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
    cache: false,
  },
}
