// The Link header of a list that comes in pages (RFC 8288), as registries write it. Pure.

/** The query to ask the next page with, or why it is not asked for. */
export type NextPage = { readonly query: string } | { readonly refused: string }

/**
 * Undefined on the last page. Only the query of the Link is used, on the address that was asked before:
 * a registry behind a proxy may not know its own path. One to another host is refused.
 */
export function nextPage(
  link: string | readonly string[] | undefined,
  from: URL,
): NextPage | undefined {
  const target = targetOfNext([link ?? ''].flat().join(', '))
  if (target === undefined) return undefined
  const url = URL.parse(target, from.href)
  if (!url) return { refused: 'a Link to nowhere' }
  if (url.origin !== from.origin) return { refused: `a Link to another host (${url.host})` }
  return { query: url.search }
}

function targetOfNext(header: string): string | undefined {
  for (const [, target, parameters = ''] of header.matchAll(/<([^>]*)>([^<]*)/g)) {
    const [, quoted, bare] = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(parameters) ?? []
    const relations = (quoted ?? bare ?? '').toLowerCase().split(/\s+/)
    if (relations.includes('next')) return target
  }
  return undefined
}
