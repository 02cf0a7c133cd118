// A large index: how soon a server answers on it, how long looking takes, and for how long a pull of
// what is held has to wait meanwhile. The mirror alone: its peer keeps no index.
import { RegMirror } from '../../support/binary.ts'
import { makeBigIndex } from '../../support/big-index.ts'
import type { BigImage } from '../../support/big-index.ts'
import { campaign } from '../../support/seed.ts'
import type { Part } from '../part.ts'
import { commandSeconds, seconds } from '../timed.ts'

// A tag brings eleven blobs. REGMIRROR_CAMPAIGN=0.1 makes it ten times smaller, for a quick look.
const TAGS = campaign(100_000)
const PREFIX = 'ghcr.io/team-10/app-107'

export const index: Part = async (stage) => {
  const { url } = stage.upstream
  // Fresh for the whole run: nobody is asked.
  const registries = { 'docker.io': url, 'ghcr.io': url, 'quay.io': url }
  // Else the scrub would look, for minutes, at the many blobs that only the index has.
  const always = ['--tag-ttl', '24h', '--scrub', 'off']
  const mirror = await stage.use(RegMirror.start({ registries, args: always }))
  await mirror.stop()
  const { images, blobs } = makeBigIndex(mirror.dataFolder, { tags: TAGS })
  const size = `${TAGS} tags, ${blobs} blobs`
  stage.say(`an index of ${size} is made`)

  return async (round) => {
    await round.measure(`start to first answer, ${size}`, 'regmirror', async () => ({
      total: await seconds(() => mirror.restart()),
    }))
    for (const [what, args] of [
      [`ls ${PREFIX}`, ['ls', PREFIX]],
      ['gc --plan', ['gc', '--plan']],
    ] as const) {
      await round.measure(`${what}, ${size}`, 'regmirror', async () => {
        const hits = new Hits(mirror.url, images)
        const total = await commandSeconds(mirror.dataFolder, args)
        return { total, longestPause: await hits.stop() }
      })
    }
  }
}

// One tag and one digest after another, each as soon as the one before is answered.
class Hits {
  #isOver = false
  #longestMs = 0
  readonly #done: Promise<void>

  constructor(url: string, images: readonly BigImage[]) {
    this.#done = this.#ask(url, images)
  }

  async stop(): Promise<number> {
    this.#isOver = true
    await this.#done
    return this.#longestMs
  }

  async #ask(url: string, images: readonly BigImage[]): Promise<void> {
    for (let n = 0; !this.#isOver; n += 1) {
      const image = images[n % images.length]
      if (image === undefined || image.registry === 'registry.k8s.io') continue
      for (const reference of [image.tag, image.digest]) {
        const started = performance.now()
        const path = `/v2/${image.registry}/${image.name}/manifests/${reference}`
        const response = await fetch(url + path)
        await response.arrayBuffer()
        if (response.status !== 200) throw new Error(`${path}: status ${response.status}`)
        this.#longestMs = Math.max(this.#longestMs, performance.now() - started)
      }
    }
  }
}
