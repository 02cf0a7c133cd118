// The images of a run: large layers for throughput, small ones for manifests, one of many small blobs,
// one as people pull it. Each is made and pushed when a part first asks for it.
import type { DockerRegistry } from '../support/docker-registry.ts'
import { buildImage } from '../support/images.ts'
import type { Image, ImageOptions } from '../support/images.ts'
import { pushImage } from '../support/push-image.ts'
import { campaign } from '../support/seed.ts'
import { pushTagged } from './tagged-images.ts'

export interface Blob {
  readonly repository: string
  readonly digest: string
  readonly size: number
}

export interface SmallImage extends Blob {
  readonly tag: string
  readonly mediaType: string
}

// By its name on Docker Hub, as clients write it.
export interface WholeImage {
  readonly reference: string
  readonly digest: string
  readonly size: number // of all its blobs
  readonly blobs: number
}

const SMALL_IMAGES = 8
const TAGGED_IMAGES = campaign(1000)
const SMALL_BLOB_KIB = [4, 8, 16, 32, 64]
const SMALL_BLOBS_OF_A_SIZE = 60
const TAG = 'latest'

export class Catalog {
  readonly #upstream: DockerRegistry
  readonly #say: (line: string) => void
  readonly #layers = new Map<number, Promise<Blob>>()
  #tagged: Promise<readonly string[]> | undefined
  #small: Promise<readonly SmallImage[]> | undefined
  #many: Promise<readonly Blob[]> | undefined
  #whole: Promise<WholeImage> | undefined

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

  // Names of so many images, as a list has them.
  tagged(): Promise<readonly string[]> {
    this.#tagged ??= this.#pushTagged()
    return this.#tagged
  }

  small(): Promise<readonly SmallImage[]> {
    this.#small ??= this.#pushSmall()
    return this.#small
  }

  // 300 in all, of 4 to 64 KiB, in five repositories.
  many(): Promise<readonly Blob[]> {
    this.#many ??= this.#pushMany()
    return this.#many
  }

  // About 100 MB in eight layers, three of them large.
  whole(): Promise<WholeImage> {
    this.#whole ??= this.#pushWhole()
    return this.#whole
  }

  async #pushLayer(mebibytes: number): Promise<Blob> {
    this.#say(`making an image with a layer of ${mebibytes} MiB`)
    const repository = `bench/layer-${mebibytes}`
    const image = await this.#push(repository, { bigLayers: 1, bigLayerMiB: mebibytes })
    const layers = [...(image.platforms[0]?.layers ?? [])].sort((a, b) => b.size - a.size)
    if (layers[0] === undefined) throw new Error('the image has no layer')
    return { repository, digest: layers[0].digest, size: layers[0].size }
  }

  #pushTagged(): Promise<readonly string[]> {
    this.#say(`pushing ${TAGGED_IMAGES} tags`)
    return pushTagged(this.#upstream.url, TAGGED_IMAGES)
  }

  async #pushSmall(): Promise<readonly SmallImage[]> {
    const images: SmallImage[] = []
    for (let n = 0; n < SMALL_IMAGES; n += 1) {
      const repository = `bench/small-${n}`
      const image = await this.#push(repository)
      images.push({ repository, tag: TAG, ...image.top })
    }
    return images
  }

  async #pushMany(): Promise<readonly Blob[]> {
    this.#say('making images of many small layers')
    const blobs: Blob[] = []
    for (const kibibytes of SMALL_BLOB_KIB) {
      const repository = `bench/many-${kibibytes}`
      const sizes = { bigLayers: SMALL_BLOBS_OF_A_SIZE, bigLayerMiB: kibibytes / 1024 }
      const image = await this.#push(repository, sizes)
      // Behind the one with the programs, and before the one with a stamp.
      const layers = image.platforms[0]?.layers.slice(1, -1) ?? []
      blobs.push(...layers.map(({ digest, size }) => ({ repository, digest, size })))
    }
    return blobs
  }

  async #pushWhole(): Promise<WholeImage> {
    this.#say('making an image as people pull it')
    const repository = 'bench/whole'
    const layers = { bigLayers: 3, bigLayerMiB: 32, smallLayers: 4 }
    const image = await this.#push(repository, layers)
    return {
      reference: `docker.io/${repository}:${TAG}`,
      digest: image.top.digest,
      size: sizeOf(image),
      blobs: image.blobs.size,
    }
  }

  async #push(repository: string, layers: Partial<ImageOptions> = {}): Promise<Image> {
    // One architecture: docker-registry would otherwise choose by Accept, which is another task.
    const architectures = ['amd64'] as const
    const image = buildImage({ seed: repository, form: 'docker', architectures, ...layers })
    await pushImage(this.#upstream.url, repository, TAG, image)
    return image
  }
}

function sizeOf({ blobs }: Image): number {
  return [...blobs.values()].reduce((sum, { size }) => sum + size, 0)
}
