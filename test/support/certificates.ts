// An authority of a test's own, and what it signs: for servers, and for clients that show one.
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { run } from './process.ts'
import { TempFolder } from './temp-folder.ts'

export interface Certificate {
  readonly certificate: string // PEM
  readonly key: string
  readonly certificateFile: string
  readonly keyFile: string
}

export interface CertificateOptions {
  readonly names?: readonly string[] // `registry.test`, `127.0.0.1`
  readonly expired?: boolean
}

export class Authority implements AsyncDisposable {
  readonly certificateFile: string
  readonly #keyFile: string
  readonly #folder: TempFolder
  #issued = 0

  private constructor(folder: TempFolder) {
    this.#folder = folder
    this.certificateFile = folder.join('ca.crt')
    this.#keyFile = folder.join('ca.key')
  }

  static async create(name = 'test authority'): Promise<Authority> {
    const authority = new Authority(new TempFolder('ca'))
    const isAuthority = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-days', '30']
    const files = ['-keyout', authority.#keyFile, '-out', authority.certificateFile]
    await run('openssl', ['req', '-x509', ...NEW_KEY, ...subject(name), ...isAuthority, ...files])
    return authority
  }

  get certificate(): string {
    return readFileSync(this.certificateFile, 'utf8')
  }

  async issue(options: CertificateOptions = {}): Promise<Certificate> {
    const { names = ['127.0.0.1', 'localhost'], expired = false } = options
    const file = this.#folder.join(`leaf-${(this.#issued += 1)}`)
    const [keyFile, certificateFile] = [`${file}.key`, `${file}.crt`]
    const request = ['-new', ...NEW_KEY, ...subject(names[0] ?? 'nobody')]
    await run('openssl', ['req', ...request, '-keyout', keyFile, '-out', `${file}.csr`])
    await writeFile(`${file}.ext`, extensions(names))
    const signer = ['-CA', this.certificateFile, '-CAkey', this.#keyFile, '-CAcreateserial']
    const what = ['-in', `${file}.csr`, '-extfile', `${file}.ext`, '-out', certificateFile]
    const days = ['-days', expired ? '-1' : '30']
    await run('openssl', ['x509', '-req', ...signer, ...what, ...days])
    const [certificate, key] = [certificateFile, keyFile].map((each) => readFileSync(each, 'utf8'))
    if (certificate === undefined || key === undefined) throw new Error('openssl wrote nothing')
    return { certificate, key, certificateFile, keyFile }
  }

  close(): Promise<void> {
    return this.#folder.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

function subject(name: string): string[] {
  return ['-subj', `/CN=${name}`]
}

function extensions(names: readonly string[]): string {
  const all = names.map((name) => (/^[\d.]+$|:/.test(name) ? `IP:${name}` : `DNS:${name}`))
  const uses = 'extendedKeyUsage=serverAuth,clientAuth'
  return ['basicConstraints=critical,CA:FALSE', uses, `subjectAltName=${all.join(',')}`, ''].join(
    '\n',
  )
}
