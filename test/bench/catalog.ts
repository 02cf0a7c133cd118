// The images of a run: large layers for throughput, small ones for manifests. Each is made and pushed
// when a part first asks for it.
import type { DockerRegistry } from '../support/docker-registry.ts'
import { buildImage } from '../support/images.ts'
import { pushImage } from '../support/push-image.ts'

export interface Blob {
  readonly repository: string
  readonly digest: string
  readonly size: number
}

export interface SmallImage extends Blob {
  readonly tag: string
  readonly mediaType: string
}

const SMALL_IMAGES = 8
const TAG = 'latest'

export class Catalog {
  readonly #upstream: DockerRegistry
  readonly #say: (line: string) => void
  readonly #layers = new Map<number, Promise<Blob>>()
  #small: Promise<readonly SmallImage[]> | undefined

  constructor(upstream: DockerRegistry, say: (line: string) => void) {
    this.#upstream = upstream
    this.#say = say
  }

  layer(mebibytes: number): Promise<Blob> {
    const known = this.#layers.get(mebibytes)
    if (known !== undefined) return known
    const made = this.#pushLayer(mebibytes)
    this.#layers.set(mebibytes, made)
    return made
  }

  small(): Promise<readonly SmallImage[]> {
    this.#small ??= this.#pushSmall()
    return this.#small
  }

  async #pushLayer(mebibytes: number): Promise<Blob> {
    this.#say(`making an image with a layer of ${mebibytes} MiB`)
    const repository = `bench/layer-${mebibytes}`
    const architectures = ['amd64'] as const
    const size = { bigLayers: 1, bigLayerMiB: mebibytes }
    const image = buildImage({ seed: repository, form: 'docker', architectures, ...size })
    await pushImage(this.#upstream.url, repository, TAG, image)
    const layers = [...(image.platforms[0]?.layers ?? [])].sort((a, b) => b.size - a.size)
    if (layers[0] === undefined) throw new Error('the image has no layer')
    return { repository, digest: layers[0].digest, size: layers[0].size }
  }

  async #pushSmall(): Promise<readonly SmallImage[]> {
    const images: SmallImage[] = []
    for (let n = 0; n < SMALL_IMAGES; n += 1) {
      const repository = `bench/small-${n}`
      // One architecture: docker-registry would otherwise choose by Accept, which is another task.
      const image = buildImage({ seed: repository, form: 'docker', architectures: ['amd64'] })
      await pushImage(this.#upstream.url, repository, TAG, image)
      images.push({ repository, tag: TAG, ...image.top })
    }
    return images
  }
}
