// `node shaped-upstream-process.ts NAME=MIB...`: a registry with an image of one layer under each name,
// tagged 1. It is started in a network of its own and prints, as JSON, what it serves and where.
import { buildImage } from './images.ts'
import { ScriptedUpstream } from './scripted-upstream.ts'
import type { ShapedImage } from './shaped-upstream.ts'

const upstream = await ScriptedUpstream.start(undefined, '0.0.0.0')
const images: ShapedImage[] = []
for (const asked of process.argv.slice(2)) {
  const [name = '', mebibytes] = asked.split('=')
  const bigLayerMiB = Number(mebibytes)
  const options = { seed: name, form: 'oci', architectures: ['arm64'] } as const
  const image = buildImage({ ...options, smallLayers: 0, bigLayers: 1, bigLayerMiB })
  const layer = image.platforms[0]?.layers.toSorted((a, b) => b.size - a.size)[0]
  if (!layer) throw new Error('an image without a layer')
  upstream.addImage(name, '1', image)
  images.push({ name, layer: layer.digest, sizeBytes: layer.size })
}
console.log(JSON.stringify({ port: Number(new URL(upstream.url).port), images }))
