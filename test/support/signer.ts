// Signs manifests with openssl as cosign lays signatures out, and tells whether one is right.
import { readFile, writeFile } from 'node:fs/promises'
import { artifact, contentOf, described } from './artifacts.ts'
import { MEDIA_TYPES } from './images.ts'
import type { Image } from './images.ts'
import { run } from './process.ts'
import { TempFolder } from './temp-folder.ts'

export const SIGNATURE_ANNOTATION = 'dev.cosignproject.cosign/signature'
const PAYLOAD_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json'
const CURVE = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']

export class Signer implements AsyncDisposable {
  readonly #folder: TempFolder
  #files = 0

  private constructor(folder: TempFolder) {
    this.#folder = folder
  }

  static async create(): Promise<Signer> {
    const folder = new TempFolder('signer')
    const [key, publicKey] = [folder.join('key.pem'), folder.join('key.pub')]
    await run('openssl', ['genpkey', ...CURVE, '-out', key])
    await run('openssl', ['pkey', '-in', key, '-pubout', '-out', publicKey])
    return new Signer(folder)
  }

  // What stands under the tag `sha256-....sig` of the manifest.
  async sign(digest: string, reference: string): Promise<Image> {
    const critical = {
      type: 'cosign container image signature',
      image: { 'docker-manifest-digest': digest },
      identity: { 'docker-reference': reference },
    }
    const payload = Buffer.from(JSON.stringify({ critical, optional: null }))
    const [file, signed] = [await this.#write(payload), this.#nextFile()]
    const key = this.#folder.join('key.pem')
    await run('openssl', ['dgst', '-sha256', '-sign', key, '-out', signed, file])
    const annotations = { [SIGNATURE_ANNOTATION]: (await readFile(signed)).toString('base64') }
    const layer = contentOf(payload)
    const rootfs = { type: 'layers', diff_ids: [layer.digest] }
    const config = contentOf(Buffer.from(JSON.stringify({ os: '', architecture: '', rootfs })))
    const json = {
      config: described(MEDIA_TYPES.oci.config, config),
      layers: [{ ...described(PAYLOAD_TYPE, layer), annotations }],
    }
    return artifact(json, { contents: [config, layer] })
  }

  // The digest of which the signature is; throws where it is not by this signer.
  async digestSigned(payload: Buffer, signature: Buffer): Promise<string> {
    const [file, signed] = [await this.#write(payload), await this.#write(signature)]
    const key = this.#folder.join('key.pub')
    await run('openssl', ['dgst', '-sha256', '-verify', key, '-signature', signed, file])
    const { critical } = JSON.parse(payload.toString()) as {
      readonly critical: { readonly image: Readonly<Record<string, string>> }
    }
    return critical.image['docker-manifest-digest'] ?? ''
  }

  close(): Promise<void> {
    return this.#folder.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #nextFile(): string {
    return this.#folder.join(`file-${(this.#files += 1)}`)
  }

  async #write(bytes: Buffer): Promise<string> {
    const file = this.#nextFile()
    await writeFile(file, bytes)
    return file
  }
}
