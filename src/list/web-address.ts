// Addresses that hold the name of an image: pages of registries' web sites, and registries' own API.

/** What an address stands for, or that it is one which stands for no image. Undefined: it is a name. */
type Addressed = { readonly image: string } | 'unclear' | undefined

/** Without its scheme. */
export function imageAddressed(address: string): Addressed {
  // Of an API with a digest there is no query, of pages nobody needs it.
  const [host = '', ...parts] = address.replace(/[?#].*$/, '').split('/')
  const path = parts.filter((part) => part !== '')
  const name = host.toLowerCase()
  return imageOfApi(name, path) ?? PAGES.get(name)?.(path)
}

/** distribution-spec: `/v2/NAME/manifests/REFERENCE`, `/v2/NAME/tags/list`, `/v2/NAME/blobs/DIGEST`. */
function imageOfApi(host: string, path: readonly string[]): Addressed {
  const [version, ...rest] = path
  const [what, last = ''] = rest.slice(-2)
  const name = rest.slice(0, -2).join('/')
  if (version !== 'v2' || name === '') return undefined
  const repository = `${HUB_API.test(host) ? 'docker.io' : host}/${name}`
  if (what === 'tags') return { image: repository }
  if (what === 'blobs') return 'unclear'
  if (what !== 'manifests') return undefined
  return { image: `${repository}${last.includes(':') ? '@' : ':'}${last}` }
}

const HUB_API = /^(?:(?:registry-1|index|www)\.docker\.io|registry\.hub\.docker\.com)$/

const PAGES = new Map<string, (path: readonly string[]) => Addressed>([
  ['hub.docker.com', (path) => imageOfHub(path) ?? 'unclear'],
  // It answers as a registry, too: only what cannot be a repository of it is a page.
  ['registry.hub.docker.com', imageOfHub],
  ['quay.io', imageOfQuay],
  ['github.com', (path) => imageOfGitHub(path) ?? 'unclear'],
  ['gallery.ecr.aws', imageOfEcr],
])

function imageOfHub([kind = '', ...path]: readonly string[]): Addressed {
  const [first = '', second, tag] = path
  if (kind === '_' && first !== '') return { image: first }
  if (kind === 'r' && second !== undefined) return { image: hubName(first, second) }
  if (kind === 'layers' && second !== undefined) {
    return { image: hubName(first, second) + (tag === undefined ? '' : `:${tag}`) }
  }
  const [, organisation = '', name] = path
  const isOfTwo =
    `${kind}/${first}` === 'repository/docker' || `${kind}/${first}` === 'v2/repositories'
  return isOfTwo && name !== undefined ? { image: hubName(organisation, name) } : undefined
}

function hubName(organisation: string, name: string): string {
  return organisation === 'library' || organisation === '_' ? name : `${organisation}/${name}`
}

function imageOfQuay([first, organisation, name]: readonly string[]): Addressed {
  const isPage = first === 'repository' && name !== undefined
  return isPage ? { image: `quay.io/${organisation}/${name}` } : undefined
}

function imageOfEcr([alias, ...name]: readonly string[]): Addressed {
  const isPage = alias !== undefined && name.length > 0
  return isPage ? { image: `public.ecr.aws/${alias}/${name.join('/')}` } : 'unclear'
}

/** `ORG/REPO/pkgs/container/NAME`, `orgs/ORG/packages/container/package/NAME` */
function imageOfGitHub(path: readonly string[]): Addressed {
  const container = path.indexOf('container')
  const isOfRepository = path[2] === 'pkgs' && container === 3
  const isOfOwner = path[2] === 'packages' && container === 3 && path[4] === 'package'
  const owner = isOfRepository ? path[0] : isOfOwner ? path[1] : undefined
  const name = isOfRepository ? path[4] : path[5]
  if (owner === undefined || name === undefined) return undefined
  return { image: `ghcr.io/${owner}/${name.replaceAll(/%2f/gi, '/')}`.toLowerCase() }
}
