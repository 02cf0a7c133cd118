// What a request says of the registry it means.

import { RequestError } from '../errors.ts'
import type { Exchange } from '../lib/exchange.ts'
import type { Address, Refusal } from '../mirror/target.ts'
import type { ParsedTarget } from './route.ts'

export function addressOf({ prefix, query }: ParsedTarget, exchange: Exchange): Address {
  const { listenerRegistry, host } = exchange
  return {
    listenerRegistry,
    host: host === undefined ? undefined : plainHost(host),
    prefix,
    ns: query.ns,
  }
}

/** `Docker.Box.LAN.:5000` is `docker.box.lan:5000`. */
function plainHost(host: string): string {
  return host.toLowerCase().replace(/\.(?=:\d*$|$)/, '')
}

/** Throws RequestError for what this mirror does not serve. */
export function served<Answer extends object>(answer: Answer | Refusal, detail?: object): Answer {
  if (!('refused' in answer)) return answer
  const { refused, message } = answer as Refusal
  const code = refused === 'name-invalid' ? 'NAME_INVALID' : 'NAME_UNKNOWN'
  throw new RequestError(code, message, detail)
}
