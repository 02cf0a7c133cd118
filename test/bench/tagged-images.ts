// Many tags of some repositories, each an image of its own of the same few layers: what a list of a
// nightly run names.
import pLimit from 'p-limit'
import { buildImage, MEDIA_TYPES } from '../support/images.ts'
import { pushImage } from '../support/push-image.ts'

const TAGS_PER_REPOSITORY = 50
const AT_ONCE = 4

// Gives their names.
export async function pushTagged(registry: string, count: number): Promise<readonly string[]> {
  const names: string[] = []
  for (let first = 0; first < count; first += TAGS_PER_REPOSITORY) {
    const repository = `bench/tagged-${first / TAGS_PER_REPOSITORY}`
    const tags = Array.from(
      { length: Math.min(TAGS_PER_REPOSITORY, count - first) },
      (_, n) => `1.${n}.0`,
    )
    await pushTags(registry, repository, tags)
    names.push(...tags.map((tag) => `docker.io/${repository}:${tag}`))
  }
  return names
}

async function pushTags(registry: string, repository: string, tags: readonly string[]) {
  const image = buildImage({ seed: repository, form: 'oci', architectures: ['amd64'] })
  await pushImage(registry, repository, 'latest', image)
  const top = image.manifests.get(image.top.digest)
  const manifest = JSON.parse(String(top?.bytes)) as object
  const inTurn = pLimit(AT_ONCE)
  const push = async (tag: string): Promise<void> => {
    const response = await fetch(`${registry}/v2/${repository}/manifests/${tag}`, {
      method: 'PUT',
      headers: { 'content-type': MEDIA_TYPES.oci.manifest },
      body: JSON.stringify({ ...manifest, annotations: { tag } }),
    })
    if (response.status !== 201) throw new Error(`${repository}:${tag}: ${await response.text()}`)
  }
  await Promise.all(tags.map((tag) => inTurn(() => push(tag))))
}
