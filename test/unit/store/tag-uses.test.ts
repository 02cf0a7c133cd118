// Which tags clients ask for: what lists mean by what was used.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { layoutOf } from '../../../src/store/layout.ts'
import { MIGRATIONS } from '../../../src/store/migrations.ts'
import { openIndex } from '../../../src/store/open-index.ts'
import { HeldImages, repositoryOf, tagOf } from '../../support/held-images.ts'
import { TempFolder } from '../../support/temp-folder.ts'

const APP = repositoryOf('team/app')
const MANY = 100

async function used(
  uses: readonly (readonly [string, string, number])[],
  body: (held: HeldImages) => void,
): Promise<void> {
  await using held = new HeldImages()
  for (const [name, tag] of uses) held.tag(repositoryOf(name), tag, `${name}:${tag}`)
  const tags = uses.map(([name, tag, usedAt]) => ({
    ...{ repository: repositoryOf(name), tag: tagOf(tag), usedAt },
  }))
  held.index.recordUses([], tags)
  body(held)
}

test('used tags are told the latest first, since then, and no more than asked for', async () => {
  const uses = [
    ['team/app', 'old', 10],
    ['team/app', 'b', 20],
    ['team/app', 'a', 20],
    ['team/app', 'new', 30],
    ['team/web', 'other', 40],
  ] as const
  await used(uses, ({ index }) => {
    assert.deepEqual(index.usedTags(APP, 20, MANY), ['new', 'a', 'b'])
    assert.deepEqual(index.usedTags(APP, 0, 2), ['new', 'a'])
    assert.deepEqual(index.usedTags(repositoryOf('team/none'), 0, MANY), [])
  })
})

test('a use that is told late makes no tag older, and one of an unknown tag is nothing', async () => {
  await used([['team/app', '1', 30]], ({ index }) => {
    index.recordUses(
      [],
      [
        { repository: APP, tag: tagOf('1'), usedAt: 20 },
        { repository: APP, tag: tagOf('unknown'), usedAt: 20 },
      ],
    )
    assert.deepEqual(index.usedTags(APP, 30, MANY), ['1'])
    assert.deepEqual(index.usedTags(APP, 0, MANY), ['1'])
  })
})

test('a tag that moves stays used, and one that is gone does not', async () => {
  await used([['team/app', '1', 30]], (held) => {
    held.tag(APP, '1', 'another image')
    assert.deepEqual(held.index.usedTags(APP, 30, MANY), ['1'])
    held.index.forgetTag(APP, tagOf('1'))
    held.tag(APP, '1', 'again')
    assert.deepEqual(held.index.usedTags(APP, 0, MANY), [])
  })
})

test('repositories of which a tag was used are told by what their names begin with', async () => {
  const uses = [
    ['team/app', '1', 30],
    ['team/app', '2', 10],
    ['team/web', '1', 10],
    ['team/deep/er', '1', 20],
    ['teams/app', '1', 20],
    ['other', '1', 20],
  ] as const
  await used(uses, ({ index }) => {
    const names = (startsWith: string, since: number, limit = MANY): string[] =>
      index.usedRepositories('docker.io', startsWith, since, limit).map(({ name }) => name)
    assert.deepEqual(names('team/', 20), ['team/app', 'team/deep/er'])
    assert.deepEqual(names('team', 0), ['team/app', 'team/deep/er', 'team/web', 'teams/app'])
    assert.deepEqual(names('', 0, 2), ['other', 'team/app'])
    assert.deepEqual(index.usedRepositories('ghcr.io', '', 0, MANY), [])
  })
})

test('an index from before tags had a use takes that of their images, and its pins stay', async () => {
  await using folder = new TempFolder('tag-uses')
  const layout = layoutOf(folder.path)
  const [digest, other] = ['a', 'b'].map((letter) => `sha256:${letter.repeat(64)}`)
  const database = new Database(layout.index)
  for (const step of MIGRATIONS.slice(0, 4)) database.exec(step)
  database.exec(`
    PRAGMA user_version = 4;
    INSERT INTO repository VALUES (1, 'docker.io', 'team/app', 1, 1);
    INSERT INTO manifest VALUES ('${digest}', 'x', x'7b7d', NULL, NULL, 1, 50, NULL);
    INSERT INTO manifest VALUES ('${other}', 'x', x'7b7d', NULL, NULL, 1, NULL, NULL);
    INSERT INTO tag VALUES (1, 'used', '${digest}', NULL, NULL, NULL, 1, 1);
    INSERT INTO tag VALUES (1, 'unused', '${other}', NULL, NULL, NULL, 1, 1);
    INSERT INTO tag VALUES (1, 'not-held', 'sha256:${'c'.repeat(64)}', NULL, NULL, NULL, 1, 1);
    INSERT INTO pin VALUES (1, 'unused', 'somebody', 1);`)
  database.close()
  const { index, unlock } = openIndex(layout, undefined)
  assert.deepEqual(index.usedTags(APP, 0, MANY), ['used'])
  index.endPins(Number.MAX_SAFE_INTEGER)
  const migrated = new Database(layout.index, { readonly: true })
  assert.equal(migrated.pragma('user_version', { simple: true }), MIGRATIONS.length)
  assert.deepEqual(migrated.prepare('SELECT * FROM pin').all(), [
    {
      ...{ repository: 1, reference: 'unused', pinned_by: 'somebody', pinned_at: 1 },
      ...{ keep_ms: null, left_at: null },
    },
  ])
  migrated.close()
  index.close()
  unlock()
})
