import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { WarmLine, WarmLineImage } from '../../../src/care/warm-job.ts'
import { explainSentence, explainText, isFailing } from '../../../src/cli/list-explain-text.ts'

const REDIS = 'docker.io/library/redis'

const image: WarmLineImage = {
  reference: `${REDIS}:7.4-alpine`,
  by: 'pattern',
  status: 'stale',
  because: undefined,
  platforms: ['linux/amd64'],
  totalBytes: undefined,
  missingBytes: undefined,
}

const line: WarmLine = {
  place: { source: 'mirror.txt', line: 12 },
  text: 'redis:7.* newest=1 variant=alpine',
  name: REDIS,
  listed: 143,
  images: [image],
  dropped: [
    { because: 'unmatched', count: 120, examples: ['1.0', '2.8'] },
    { because: 'older', count: 1, examples: ['7.2-alpine'] },
  ],
  problem: undefined,
}

suite('what explain says of a line', () => {
  test('which images it stands for, how each came in, and why others fall away', () => {
    assert.equal(
      explainText(line, false),
      [
        'line 12: redis:7.* newest=1 variant=alpine: 1 image; docker.io/library/redis has 143 tags',
        '  IMAGE                               BECAUSE  NOW       PLATFORMS',
        '  docker.io/library/redis:7.4-alpine  matches  to fetch  linux/amd64',
        '  not selected: 120 not matched (1.0, 2.8, ...); 1 older version (7.2-alpine)',
        '',
        '',
      ].join('\n'),
    )
  })

  test('sizes where they are known', () => {
    const held = { ...image, status: 'fresh', totalBytes: 12 * 1024 ** 2, missingBytes: 0 } as const
    const text = explainText({ ...line, images: [held, image] }, true)
    assert.match(text, /^mirror\.txt:12: /)
    assert.match(text, /held +linux\/amd64 +12 MiB +0 B\n/)
    assert.match(text, /to fetch +linux\/amd64 +- +-\n/)
  })

  test('why it stands for nothing', () => {
    const problem = 'none of its 143 tags matches'
    const text = explainText({ ...line, images: [], problem }, false)
    assert.match(
      text,
      /: 0 images; .*\n {2}not selected: .*\n {2}none of its 143 tags matches\n\n$/,
    )
  })

  test('on a terminal no line is longer than it, and nothing of a list is a command to it', () => {
    const failed = {
      ...image,
      status: 'failed',
      because: `${image.reference} \u001b[2J went`,
    } as const
    const text = explainText({ ...line, images: [failed, image] }, false, 70)
    assert.ok(
      text.split('\n').every((each) => each.length <= 70),
      text,
    )
    assert.ok(!text.includes('\u001b'))
    assert.match(text, /redis:7\.4-alpine +went\n/)
  })
})

suite('what explain says of all lines', () => {
  const failed: WarmLine = {
    ...line,
    images: [{ ...image, reference: `${REDIS}:9`, status: 'failed', because: 'it is not there' }],
  }

  test('an image of several lines counts once', () => {
    assert.equal(
      explainSentence([line, line, failed]),
      '3 lines stand for 2 images: 1 to fetch, 1 failed; 1 line fails',
    )
    assert.equal(explainSentence([line]), '1 line stands for 1 image: 1 to fetch')
  })

  test('a line of which something does not exist fails, and one that means nothing just now does not', () => {
    assert.ok(isFailing(failed))
    assert.ok(isFailing({ ...line, images: [], problem: 'no' }))
    assert.ok(!isFailing({ ...line, images: [] }))
    assert.ok(isFailing({ ...failed, images: [...failed.images, image] }))
  })
})
