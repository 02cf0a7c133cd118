// skopeo, copying a whole multi-platform image out of a mirror by its prefixed name; skopeo checks
// every digest on the way.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { hostsFileOf, isolated, mirrorLocation, unavailable } from './client-tools.ts'
import type { ImageClient, MirrorTarget } from './client-tools.ts'
import { sha256 } from './content.ts'
import type { Architecture } from './images.ts'
import { run } from './process.ts'
import { SIGNATURE_ANNOTATION } from './signer.ts'
import { TempFolder } from './temp-folder.ts'

// As it came with an image: what cosign attaches as a tag.
export interface CopiedSignature {
  readonly payload: Buffer
  readonly signature: Buffer
}

export class Skopeo implements ImageClient {
  readonly #mirror: MirrorTarget
  readonly #folder = new TempFolder('skopeo')
  #copies = 0

  private constructor(mirror: MirrorTarget) {
    this.#mirror = mirror
  }

  static unavailable(): string | undefined {
    return unavailable('skopeo', 'unshare')
  }

  static async start(mirror: MirrorTarget): Promise<Skopeo> {
    return new Skopeo(mirror)
  }

  // `ghcr.io/name:tag` becomes `MIRROR/ghcr.io/name:tag`; all platforms are copied, or only the named
  // one, whose manifest is then what the digest is of.
  async pull(reference: string, architecture?: Architecture): Promise<string> {
    const target = await this.#copy(reference, architecture)
    return sha256(await readFile(`${target}/manifest.json`))
  }

  // Those of the index and of every platform in it.
  async signatures(reference: string): Promise<readonly CopiedSignature[]> {
    const attachments = this.#folder.join('registries.d')
    await mkdir(attachments, { recursive: true })
    const yaml = 'default-docker:\n  use-sigstore-attachments: true\n'
    await writeFile(`${attachments}/default.yaml`, yaml)
    const target = await this.#copy(reference, undefined, ['--registries.d', attachments])
    const names = (await readdir(target)).filter((name) => /signature-\d+$/.test(name))
    return await Promise.all(names.map((name) => readSignature(`${target}/${name}`)))
  }

  async #copy(
    reference: string,
    architecture: Architecture | undefined,
    more: readonly string[] = [],
  ): Promise<string> {
    const { ca } = this.#mirror
    const slash = reference.indexOf('/')
    const registry = reference.slice(0, slash)
    const source = `docker://${mirrorLocation(this.#mirror, registry)}${reference.slice(slash)}`
    const target = this.#folder.join(`copy-${(this.#copies += 1)}`)
    const platform = architecture && ['--override-os=linux', `--override-arch=${architecture}`]
    const flags = ['--preserve-digests', `--src-tls-verify=${ca !== undefined}`]
    const copy = platform ? [...platform, 'copy'] : ['copy', '--all']
    const args = [...more, ...copy, '--quiet', ...flags, source, `dir:${target}`]
    const env = ca === undefined ? {} : { SSL_CERT_FILE: ca }
    await run(...isolated('skopeo', args, hostsFileOf(this.#mirror, this.#folder)), { env })
    return target
  }

  close(): Promise<void> {
    return this.#folder.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

// A word that tells the format, and JSON.
async function readSignature(file: string): Promise<CopiedSignature> {
  const text = await readFile(file, 'utf8')
  const { payload, annotations } = JSON.parse(text.slice(text.indexOf('{'))) as {
    readonly payload: string
    readonly annotations: Readonly<Record<string, string>>
  }
  const signature = annotations[SIGNATURE_ANNOTATION] ?? ''
  return { payload: Buffer.from(payload, 'base64'), signature: Buffer.from(signature, 'base64') }
}
