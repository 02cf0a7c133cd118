import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { newestOf } from '../../../src/list/newest.ts'
import { compareVersions, parseVersion, versionRange } from '../../../src/list/versions.ts'
import type { Version } from '../../../src/list/versions.ts'
import { parseTag } from '../../../src/oci/name.ts'
import type { Tag } from '../../../src/oci/name.ts'
import { campaign, seed } from '../../support/seed.ts'

function versionOf(tag: string): Version {
  const version = parseVersion(tag)
  assert(version, tag)
  return version
}

function tagsOf(text: string): readonly Tag[] {
  return text.split(' ').map((each) => parseTag(each) ?? assert.fail(each))
}

/** `1.2+3 rc.1 alpine r5` */
function shown(tag: string): string | undefined {
  const version = parseVersion(tag)
  if (!version) return undefined
  const { numbers, build, prerelease, variant, revision } = version
  const rebuilt = build.length === 0 ? '' : `+${build.join('.')}`
  const before = prerelease && [prerelease.word, ...prerelease.numbers].join('.')
  const again = revision === undefined ? '' : `r${revision}`
  return [numbers.join('.') + rebuilt, before, variant, again].filter(Boolean).join(' ')
}

suite('what a tag says of a version', () => {
  const tags: Readonly<Record<string, string | undefined>> = {
    '16': '16',
    '16.4-alpine3.20': '16.4 alpine3.20',
    'v1.31.0': '1.31.0',
    V2: '2',
    '3.10': '3.10',
    '1.27-alpine3.20-perl': '1.27 alpine3.20-perl',
    '1.27.0.4': '1.27.0.4',
    '6.4.0.Final': '6.4.0 Final',
    '1.0.2k': '1.0.2 k',
    // Rebuilt, by date or number.
    '21.0.2_13-jdk': '21.0.2+13 jdk',
    '8.9-1137.1699': '8.9+1137.1699',
    '5.0.3-2-debian': '5.0.3+2 debian',
    '1.2.3-3.el8': '1.2.3+3 el8',
    '2024.01.05': '2024.1.5',
    '2024-01-05': '2024+1.5',
    '20240105': '20240105',
    'RELEASE.2024-12-13T22-19-12Z': '2024+12.13.22.19.12',
    'RELEASE.2024-12-13T22-19-12Z.hotfix.1': '2024+12.13.22.19.12 hotfix.1',
    '8u432-b06-jdk': '8+432.6 jdk',
    '8u342-jre-slim': '8+342 jre-slim',
    'v0.6.6.post1-cu124': '0.6.6+1 cu124',
    // Packaged anew.
    '16.1.0-debian-12-r5': '16.1.0 debian-12 r5',
    '16.1.0-debian-12': '16.1.0 debian-12',
    '4.0.11.2680-ls261': '4.0.11.2680 r261',
    '1.2.3-rc1-r2': '1.2.3 rc.1 r2',
    '1.2.3-x86_64': '1.2.3 x86_64',
    '36.2-r36.2.0': '36.2 r36.2.0',
    // Prereleases as registries have them.
    'v1.31.0-rc.1': '1.31.0 rc.1',
    '8.0-rc1-alpine': '8.0 rc.1 alpine',
    '17beta2': '17 beta.2',
    '17-BETA_2-bookworm': '17 beta.2 bookworm',
    '3.14.0b1-slim': '3.14.0 b.1 slim',
    '3.14.0a7': '3.14.0 a.7',
    '4.0.0.CR1': '4.0.0 cr.1',
    '6.0-M3': '6.0 m.3',
    '2.0-SNAPSHOT': '2.0 snapshot',
    '1.2.3-nightly-20240105': '1.2.3 nightly.20240105',
    '23-ea-11-jdk': '23 ea.11 jdk',
    '1.4.2-7-g1a2b3c4': '1.4.2+7 g1a2b3c4',
    '2.1-develop-alpine': '2.1 develop alpine',
    '2.1-test.4': '2.1 test.4',
    '2.1-main': '2.1 main',
    // No prereleases, though they begin like some.
    '1.2-alphabet': '1.2 alphabet',
    '1.27-mainline': '1.27 mainline',
    '1.2-mysql': '1.2 mysql',
    '1.2-arm64': '1.2 arm64',
    // Words and hashes.
    latest: undefined,
    'stable-alpine': undefined,
    'release-1.2': undefined,
    '7f3e2a1': undefined,
    '7ea1f02': undefined,
    '12a4567': undefined,
    '1e5': undefined,
    'RELEASE.2024-12-13': undefined,
    '8u': undefined,
  }
  for (const [tag, expected] of Object.entries(tags)) {
    test(tag, () => assert.equal(shown(tag), expected))
  }
})

suite('versions in their order', () => {
  const orders: Readonly<Record<string, string>> = {
    'of Postgres': '9.6 10.23 15 15.8 16beta1 16beta2 16rc1 16 16.4 17rc1',
    'of Kubernetes in Docker': 'v1.9.11 v1.29.7 v1.30.0-alpha.1 v1.30.0-rc.2 v1.30.0 v1.31.0',
    'of Ubuntu and pause': '3.1 3.9 3.10 3.10.1 22.04 24.04',
    'of rebuilt releases': '21.0.2 21.0.2_7-jdk 21.0.2_13-jdk 21.0.3_1-jdk',
    'of OpenJDK': '8u342-jre 8u432-b06-jdk 8u442-b01-jdk 11.0.1 21_35-jdk 21.0.2_13-jdk',
    'of MinIO': 'RELEASE.2024-12-13T22-19-12Z RELEASE.2024-12-18T13-15-44Z',
    'of Python packages': 'v0.6.6 v0.6.6.post1 v0.6.6.post2 v0.6.10',
    'of calendars': '2023.12.31 2024-01-05 2024-01-10 2024-11-02 2024.01.05 2024.11.01',
    'of four parts, and of numbers that no float holds':
      '1.2.3 1.2.3.4 1.2.3.10 1.2.4 9007199254740992 9007199254740993',
  }
  for (const [name, order] of Object.entries(orders)) {
    test(name, () => {
      const tags = order.split(' ')
      for (const [at, tag] of tags.entries()) {
        for (const later of tags.slice(at + 1)) {
          assert(compareVersions(versionOf(tag), versionOf(later)) < 0, `${tag} < ${later}`)
          assert(compareVersions(versionOf(later), versionOf(tag)) > 0, `${later} > ${tag}`)
        }
      }
    })
  }

  test('parts that are missing and leading zeros make no difference, nor do variants', () => {
    for (const [one, other] of [
      ['16', '16.0.0'],
      ['v1.2', '1.2-alpine'],
      ['2024.01.05', '2024.1.5'],
      ['8-rc1', '8.0-RC.1-slim'],
    ] as const) {
      assert.equal(compareVersions(versionOf(one), versionOf(other)), 0, `${one} = ${other}`)
    }
  })

  test('any three versions have one order', () => {
    const part = fc.constantFrom('0', '1', '01', '10')
    const tag = fc
      .tuple(
        fc.array(part, { minLength: 1, maxLength: 4 }),
        fc.constantFrom('', '-1', '_2', '-rc1', '-rc.2', '-beta', '-alpine', '-rc1-alpine'),
      )
      .map(([parts, suffix]) => versionOf(parts.join('.') + suffix))
    fc.assert(
      fc.property(tag, tag, tag, (one, two, three) => {
        assert.equal(compareVersions(one, two) + compareVersions(two, one), 0)
        if (compareVersions(one, two) <= 0 && compareVersions(two, three) <= 0) {
          assert(compareVersions(one, three) <= 0)
        }
      }),
      { seed, numRuns: campaign(500) },
    )
  })
})

suite('versions in a range', () => {
  const ranges: readonly (readonly [range: string, inside: string, outside: string])[] = [
    ['>=3.8', '3.8 3.10 4 v3.9 3.8-alpine', '3.7 3'],
    ['>=1.24 <2', '1.24 1.25.3-alpine 1.99', '2 2.0.1 1.23.9'],
    ['^1.2 || 3.x', '1.2.0 1.30 3 3.4.5', '2.0 4'],
    ['1.2.3', '1.2.3 1.2.3.4 1.2.3_13', '1.2.4 1.2'],
    ['>=2024.1.1', '2024.01.05', '2023.12.31'],
    // Only where the range names one, and then of that release alone.
    ['>=1.30', '1.30.0', '1.31.0-rc.1'],
    ['>=1.31.0-rc.1', '1.31.0-rc.1 1.31.0-rc.2 1.31 1.32', '1.31.0-beta.1 1.32.0-rc.1'],
    ['>=8.0.0-rc2', '8.0-rc2-alpine 8.0-RC.10 8.0', '8.0-rc1 8.0-beta3'],
    ['2.0.0-RC-1', '2-rc1 2.0-RC.01', '2-rc2'],
    // A date or a hash is above every bound, and in no range.
    ['>=3.19', '3.20.3 2024.01.05', '20240923 1234567 v20240923 20240923-rc1'],
    ['>=8 <9', '8u432-b06-jdk', '11.0.1'],
  ]
  for (const [range, inside, outside] of ranges) {
    test(range, () => {
      const isInRange = versionRange(range)
      for (const tag of inside.split(' ')) assert(isInRange(versionOf(tag)), `${tag} in ${range}`)
      for (const tag of outside.split(' ')) assert(!isInRange(versionOf(tag)), `${tag} not`)
    })
  }

  test('any version can be held against a range', () => {
    const isInRange = versionRange('*')
    for (const tag of ['99999999999999999999.1', '1-rc_1', '1-rc.01', '1-beta-02', '1.2-dev.0']) {
      assert.equal(typeof isInRange(versionOf(tag)), 'boolean', tag)
    }
  })
})

suite('the newest versions', () => {
  const lists: readonly (readonly [count: number, tags: string, newest: string])[] = [
    [1, '16 16.4 15 15.8 16.3 latest', '16.4'],
    [3, '3.9 3.10 3.1 3.8', '3.10 3.9 3.8'],
    [5, '1.0', '1.0'],
    [2, 'latest edge', ''],
    // Those of whole repositories.
    [1, '3.20.3 3.21.0 3.21 3 edge 20240923', '3.21.0'],
    [3, 'stable 1 1.27 1.27.4 1.27.4-alpine 1.27.3 1.26 1.26.2 mainline', '1.27.4 1.27.3 1.26.2'],
    [3, '17 17.2 16 16.6 16.5 16-alpine 18beta1 bookworm', '17.2 16.6 16.5'],
    [2, '3.13.0 3.13 3 3.12.8 3.12.8-slim-bookworm 3.14.0a2-slim 3.13-rc-slim', '3.13.0 3.12.8'],
    [2, '1.23.4 1.23 1 1.24rc1 1.22.10 1.22.9 1.23.4-alpine3.21', '1.23.4 1.22.10'],
    [2, '22.04 24.04 24.10 noble-20241118.1 rolling devel', '24.10 24.04'],
    [2, '22.12.0 22 22-alpine 22.12.0-alpine3.20 lts-alpine 20.18.1 current', '22.12.0 20.18.1'],
    [
      2,
      '8u432-b06-jdk 21-jdk 21_35-jdk 21.0.5_11-jdk 21.0.5_11-jre 23-ea-11-jdk',
      '21.0.5_11-jdk 21_35-jdk',
    ],
    [2, 'v1.16.5 v1.16 v1.17.0-rc.0 v1.15.11 stable v1.17.0-pre.3', 'v1.16.5 v1.15.11'],
    [2, '3.9 3.10 3.10.1 3.8 latest', '3.10.1 3.9'],
    [
      2,
      '17.2.0-debian-12-r0 17.2.0-debian-12-r10 17.2.0-debian-12-r5 16.6.0-debian-12-r2',
      '17.2.0-debian-12-r10 16.6.0-debian-12-r2',
    ],
    [1, '17.2.0-debian-12-r5 17.2.0-debian-11-r50', '17.2.0-debian-12-r5'],
    [
      2,
      '17.2.0 17.2.0-debian-12-r5 17 17-debian-12 16.6.0-debian-12-r0',
      '17.2.0 16.6.0-debian-12-r0',
    ],
    [
      2,
      '4.0.11.2680-ls99 4.0.11.2680-ls260 4.0.11.2680-ls261 4.0.11 4.0.10.2544-ls250 develop',
      '4.0.11.2680-ls261 4.0.10.2544-ls250',
    ],
    [1, 'develop 4.0.12.2823-develop 4.0.11.2680', '4.0.11.2680'],
    ...[
      'develop',
      'main',
      'master',
      'trunk',
      'test',
      'testing-2',
      'staging',
      'edge',
      'dev-amd64',
    ].map((word) => [1, `2.1-${word} 2.0`, '2.0'] as const),
    [2, 'v0.6.6 v0.6.6.post1 v0.6.5 v0.6.5.post0', 'v0.6.6.post1 v0.6.5.post0'],
    [
      1,
      'latest RELEASE.2024-12-13T22-19-12Z RELEASE.2024-12-18T13-15-44Z.fips',
      'RELEASE.2024-12-18T13-15-44Z.fips',
    ],
    // Dates and numbers of hashes, where nothing else is a version and where something is.
    [2, '20240905 20240923 20230101 latest', '20240923 20240905'],
    [1, 'v20240923 1.0-rc1 1234567 7f3e2a1', '1.0-rc1'],
    [2, '2024.01.05 2024.11.01 2024.11 2024 20241101', '2024.11.01 2024.01.05'],
    [2, '8.9 8.9-1137 8.10 8.10-896.1716 8', '8.10-896.1716 8.9-1137'],
    // What moves on stays where nothing longer is left, and where only a prerelease is longer.
    [2, '15 16 17 9', '17 16'],
    [2, '17 17.1-rc1 16', '17 16'],
    [2, '1.2-r3 1.2.1-r1 1.1', '1.2.1-r1 1.2-r3'],
    // Of one version: without a variant, the most exact, without a "v", packaged last.
    [2, '1.27-alpine 1.27 1.27.0 1.27.0-alpine 1.26-slim', '1.27.0 1.26-slim'],
    [1, 'v1.2.3 1.2.3', '1.2.3'],
    [1, '1.27.3-bookworm 1.27.3-alpine3.20 1.27.3-alpine', '1.27.3-alpine'],
    [1, '1.27.3-bookworm 1.27.3-alpine3.9 1.27.3-alpine3.20', '1.27.3-alpine3.20'],
    [1, 'v1.30.0-k3s2 v1.30.0-k3s10 v1.30.0-k3s9', 'v1.30.0-k3s10'],
    [1, '1.0 1.0-r2 1.0-r10', '1.0-r10'],
    // Releases first.
    [2, '17rc1 17beta2 16.4 16.3', '16.4 16.3'],
    [2, '17rc1 16.4', '16.4'],
    [2, '17beta1 17rc1 17beta2', '17rc1 17beta2'],
  ]
  for (const [count, tags, newest] of lists) {
    test(`${count} of ${tags}`, () => {
      const chosen = newestOf(tagsOf(tags), count, false, () => {})
      assert.equal(chosen.join(' '), newest)
      const reversed = newestOf(tagsOf(tags).toReversed(), count, false, () => {})
      assert.deepEqual(reversed, chosen, 'whatever the order of the list')
    })
  }

  test('every other tag falls away for one reason', () => {
    const tags = 'latest 20240923 1.28-rc1 1.27.1 1.27.1-alpine 1.27 1.26 1.25 1.24.3 1.24'
    const dropped: string[] = []
    newestOf(tagsOf(tags), 2, false, (tag, because) => dropped.push(`${tag} ${because}`))
    assert.deepEqual(dropped.toSorted(), [
      '1.24 same-version',
      '1.24.3 older',
      '1.25 older',
      '1.27 same-version',
      '1.27.1-alpine same-version',
      '1.28-rc1 prerelease',
      '20240923 no-version',
      'latest no-version',
    ])
  })

  test('prereleases count where they are asked for', () => {
    const chosen = newestOf(tagsOf('1.31.0-rc.2 1.30.1 1.31.0-rc.1'), 2, true, () => {})
    assert.equal(chosen.join(' '), '1.31.0-rc.2 1.31.0-rc.1')
    // What only a prerelease is longer than is a release of its own.
    const withShort = newestOf(tagsOf('1.31 1.31.1-rc.1 1.30'), 2, true, () => {})
    assert.equal(withShort.join(' '), '1.31.1-rc.1 1.31')
  })
})
