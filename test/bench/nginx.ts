// nginx with sendfile over the upstream's own files: the limit for hits. It knows nothing of
// registries; paths are mapped onto files.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { freePort } from '../support/net-ports.ts'
import { Program } from '../support/process.ts'
import { TempFolder } from '../support/temp-folder.ts'
import { waitUntil } from '../support/wait-until.ts'
import type { SmallImage } from './catalog.ts'

const WORKERS = 2

export class Nginx implements AsyncDisposable {
  readonly url: string
  readonly program: Program
  readonly #temp: TempFolder

  private constructor(port: number, program: Program, temp: TempFolder) {
    this.url = `http://127.0.0.1:${port}`
    this.program = program
    this.#temp = temp
  }

  static async start(registryFolder: string, images: readonly SmallImage[]): Promise<Nginx> {
    const temp = new TempFolder('nginx')
    for (const { repository, tag, digest } of images) {
      const file = temp.join('tags', repository, tag)
      mkdirSync(path.dirname(file), { recursive: true })
      cpSync(blobFile(registryFolder, digest.slice('sha256:'.length)), file)
    }
    const port = await freePort()
    const mediaType = images[0]?.mediaType ?? 'application/octet-stream'
    writeFileSync(temp.join('nginx.conf'), configOf(port, temp, registryFolder, mediaType))
    const program = new Program('nginx', ['-p', temp.path, '-c', temp.join('nginx.conf')])
    const nginx = new Nginx(port, program, temp)
    await waitUntil(() => nginx.#answers(), { what: 'nginx answering' }).catch((error: unknown) => {
      throw new Error(`nginx did not start\n${program.report()}`, { cause: error })
    })
    return nginx
  }

  async close(): Promise<void> {
    await this.program.close()
    await this.#temp.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #answers(): Promise<boolean> {
    if (this.program.exit !== undefined) throw new Error('it ended')
    return fetch(this.url).then(
      () => true,
      () => false,
    )
  }
}

function blobFile(registryFolder: string, hex: string): string {
  const blobs = 'docker/registry/v2/blobs/sha256'
  return path.join(registryFolder, blobs, hex.slice(0, 2), hex, 'data')
}

function configOf(port: number, temp: TempFolder, folder: string, mediaType: string): string {
  const file = `${folder}/docker/registry/v2/blobs/sha256/$1/$1$2/data`
  // Run by root, it would give its workers to a user who may not look into a temporary folder.
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  return `
    ${user}
    daemon off;
    worker_processes ${WORKERS};
    pid ${temp.join('nginx.pid')};
    error_log stderr warn;
    events { worker_connections 1024; }
    http {
      access_log off;
      sendfile on;
      tcp_nopush on;
      keepalive_requests 1000000000;
      client_body_temp_path ${temp.join('body')};
      proxy_temp_path ${temp.join('proxy')};
      fastcgi_temp_path ${temp.join('fastcgi')};
      server {
        listen 127.0.0.1:${port} backlog=2048;
        location ~ "^/v2/.+/blobs/sha256:(..)(.{62})$" {
          default_type application/octet-stream;
          alias ${file};
        }
        location ~ "^/v2/.+/manifests/sha256:(..)(.{62})$" {
          default_type ${mediaType};
          alias ${file};
        }
        location ~ "^/v2/(.+)/manifests/(.+)$" {
          default_type ${mediaType};
          alias ${temp.join('tags')}/$1/$2;
        }
      }
    }
  `
}
