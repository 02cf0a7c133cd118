// skopeo, copying a whole multi-platform image out of a mirror by its prefixed name; skopeo checks
// every digest on the way.
import { readFile } from 'node:fs/promises'
import { hostsFileOf, isolated, mirrorLocation, unavailable } from './client-tools.ts'
import type { ImageClient, MirrorTarget } from './client-tools.ts'
import { sha256 } from './content.ts'
import type { Architecture } from './images.ts'
import { run } from './process.ts'
import { TempFolder } from './temp-folder.ts'

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
    const { ca } = this.#mirror
    const slash = reference.indexOf('/')
    const registry = reference.slice(0, slash)
    const source = `docker://${mirrorLocation(this.#mirror, registry)}${reference.slice(slash)}`
    const target = this.#folder.join(`copy-${(this.#copies += 1)}`)
    const platform = architecture && ['--override-os=linux', `--override-arch=${architecture}`]
    const flags = ['--preserve-digests', `--src-tls-verify=${ca !== undefined}`]
    const copy = platform ? [...platform, 'copy'] : ['copy', '--all']
    const args = [...copy, '--quiet', ...flags, source, `dir:${target}`]
    const env = ca === undefined ? {} : { SSL_CERT_FILE: ca }
    await run(...isolated('skopeo', args, hostsFileOf(this.#mirror, this.#folder)), { env })
    return sha256(await readFile(`${target}/manifest.json`))
  }

  close(): Promise<void> {
    return this.#folder.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
