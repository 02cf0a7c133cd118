// What people read who reach the mirror in a way that is not the registry API.

/** What of a path is repeated. */
const QUOTED_LENGTH_MAX = 100

export function welcome(version: string): string {
  return `regmirror ${version}: a mirror of container registries. Point your clients at /v2/.\n`
}

export const NOTHING_HERE = 'regmirror serves registries under /v2/; there is nothing else here.\n'

export const NOT_A_PROXY =
  'regmirror is a mirror of registries, not an HTTP proxy: take it out of http_proxy and name it ' +
  "as a registry mirror in the client's configuration.\n"

/** Docker asks this of a mirror whose /v2/ it could not use, and for every search. */
export const VERSION_1 =
  'regmirror mirrors registries of the version 2 API, under /v2/; version 1 is not served here or ' +
  'by any registry it mirrors. A client that asks for /v1/ is either searching, which a mirror ' +
  'cannot answer, or got no answer from /v2/ before: try that address with curl.\n'

/** `first`: the first component of the path, as it was asked for. */
export function withoutV2(url: string, first: string): string {
  const { origin } = new URL(url)
  const path = first.slice(0, QUOTED_LENGTH_MAX)
  return (
    `there is no /v2 in this path: where the client's configuration says ${origin}/${path}, ` +
    `write ${origin}/v2/${path}`
  )
}
