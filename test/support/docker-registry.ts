// Debian's docker-registry as an upstream, or in proxy mode as the thing to compare with. Several
// plain ones may share a folder: the same images behind different kinds of door.
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import net from 'node:net'
import type { Certificate } from './certificates.ts'
import { freePort } from './net-ports.ts'
import { Program, run } from './process.ts'
import { TempFolder } from './temp-folder.ts'
import { TOKEN_ISSUER, TOKEN_SERVICE } from './token-server.ts'
import type { TokenServer } from './token-server.ts'
import { waitUntil } from './wait-until.ts'

export interface RegistryTls {
  readonly certificate: Certificate
  readonly clientAuthorityFile?: string // only clients with a certificate of this one are served
}

export interface RegistryOptions {
  readonly folder?: string // its content; default: one of its own, removed at the end
  readonly tokens?: TokenServer
  readonly login?: { readonly user: string; readonly password: string } // Basic
  readonly redirectTo?: string // blob downloads go to a CDN that serves `folder`
  readonly tls?: RegistryTls
  readonly proxyOf?: string // must be up already, or it ends at once
}

export class DockerRegistry implements AsyncDisposable {
  readonly url: string
  readonly host: string
  readonly folder: string
  readonly program: Program
  readonly #temp: TempFolder

  private constructor(port: number, scheme: string, folder: string, temp: TempFolder) {
    this.host = `127.0.0.1:${port}`
    this.url = `${scheme}://${this.host}`
    this.folder = folder
    this.#temp = temp
    this.program = new Program('docker-registry', ['serve', temp.join('config.yml')], {
      env: { OTEL_TRACES_EXPORTER: 'none' },
    })
  }

  static async start(options: RegistryOptions = {}): Promise<DockerRegistry> {
    const temp = new TempFolder('registry')
    const folder = options.folder ?? temp.join('content')
    const port = await freePort()
    await mkdir(folder, { recursive: true })
    const config = await configOf(options, port, folder, temp)
    // YAML is a superset of JSON.
    await writeFile(temp.join('config.yml'), JSON.stringify(config))
    const scheme = options.tls === undefined ? 'http' : 'https'
    const registry = new DockerRegistry(port, scheme, folder, temp)
    try {
      const answers = () => (options.tls === undefined ? registry.#answers() : registry.#listens())
      await waitUntil(answers, { what: `docker-registry at ${registry.url}` })
      return registry
    } catch (error) {
      const report = registry.program.report()
      await registry.close()
      throw new Error(`docker-registry did not start\n${report}`, { cause: error })
    }
  }

  async close(): Promise<void> {
    await this.program.close()
    await this.#temp.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  // What it says over TLS, it says only to those whom a test equips for that.
  async #listens(): Promise<boolean> {
    if (this.program.exit !== undefined) throw new Error('it ended')
    const socket = net.connect(Number(new URL(this.url).port), '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    return isOpen
  }

  async #answers(): Promise<boolean> {
    if (this.program.exit !== undefined) throw new Error('it ended')
    try {
      const response = await fetch(`${this.url}/v2/`)
      await response.body?.cancel()
      return response.status < 500
    } catch {
      return false
    }
  }
}

async function configOf(
  options: RegistryOptions,
  port: number,
  folder: string,
  temp: TempFolder,
): Promise<object> {
  const { tokens, login, redirectTo, tls, proxyOf } = options
  const auth: Record<string, object> = {}
  if (tokens !== undefined) {
    const { realm, certificateFile: rootcertbundle } = tokens
    auth['token'] = { realm, service: TOKEN_SERVICE, issuer: TOKEN_ISSUER, rootcertbundle }
  }
  if (login !== undefined) {
    const file = temp.join('htpasswd')
    const { stdout } = await run('htpasswd', ['-Bbn', login.user, login.password])
    await writeFile(file, `${stdout.trim()}\n`)
    auth['htpasswd'] = { realm: 'test', path: file }
  }
  const redirect = { name: 'redirect', options: { baseurl: `${redirectTo}/` } }
  return {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: folder }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}`, secret: 'test', ...(tls && { tls: tlsConfig(tls) }) },
    ...(Object.keys(auth).length > 0 && { auth }),
    ...(redirectTo !== undefined && { middleware: { storage: [redirect] } }),
    ...(proxyOf !== undefined && { proxy: { remoteurl: proxyOf } }),
  }
}

function tlsConfig({ certificate, clientAuthorityFile }: RegistryTls): object {
  return {
    certificate: certificate.certificateFile,
    key: certificate.keyFile,
    ...(clientAuthorityFile !== undefined && { clientcas: [clientAuthorityFile] }),
  }
}
