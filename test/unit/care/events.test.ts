import assert from 'node:assert/strict'
import { test } from 'node:test'
import { goneText } from '../../../src/care/events.ts'
import { addTo, nothing } from '../../../src/care/evictor.ts'

const MIB = 2 ** 20

test('what was removed is told by its first names, quarantine apart from blobs', () => {
  const gone = nothing()
  const image = (name: string) => ({ ...nothing(), images: 1, names: [name], freedBytes: 50 * MIB })
  const told = (name: string): string => {
    addTo(gone, image(`docker.io/library/${name}`))
    return goneText(gone)
  }
  assert.equal(goneText(gone), 'nothing (0 B)')
  assert.equal(told('app:1'), 'docker.io/library/app:1 (50 MiB)')
  assert.equal(told('app:2'), 'docker.io/library/app:1 and docker.io/library/app:2 (100 MiB)')
  told('app:3')
  assert.equal(told('app:4'), 'docker.io/library/app:1 and 3 more images (200 MiB)')
  assert.equal(gone.names.length, 2)
  const rest = { ...nothing(), quarantined: 2, downloads: 1, blobs: 1 }
  assert.equal(
    goneText(rest),
    '1 blob no image needs, 1 unfinished download, 2 files in quarantine (0 B)',
  )
})
