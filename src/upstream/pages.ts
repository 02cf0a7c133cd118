// A list that comes in pages, page after page.

import { AttemptError } from './attempt-error.ts'
import type { Reply } from './endpoint.ts'
import { nextPage } from './page-link.ts'

export type Page = Extract<Reply, { meaning: 'ok' }>

/**
 * Ends early, after a page that is not the last, when a Link leads back, when the next page is not
 * there, or after `pagesMax`. Each body is the caller's to read before it asks for the next page.
 */
export async function* pagesFrom(
  first: Page,
  pagesMax: number,
  ask: (query: string) => Promise<Reply>,
): AsyncGenerator<{ readonly page: Page; readonly isLast: boolean }> {
  const asked = new Set<string>()
  let page = first
  for (;;) {
    const { answer, peer } = page
    const next = nextPage(answer.headers['link'], answer.url)
    yield { page, isLast: next === undefined }
    if (!next) return
    if ('refused' in next) {
      const message = `${peer.registry}: ${peer.host} sent ${next.refused} with a page of a list`
      throw new AttemptError('bad-response', message)
    }
    if (asked.has(next.query) || asked.size + 1 >= pagesMax) return
    asked.add(next.query)
    const reply = await ask(next.query)
    if (reply.meaning !== 'ok') return
    page = reply
  }
}
