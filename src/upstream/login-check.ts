// Trying the login of a registry without pulling anything.

import type { EndpointLogins } from './endpoint-logins.ts'
import type { LoginProofs } from './login-proof.ts'
import type { LoginSite } from './login-reach.ts'
import { loginWay } from './login-way.ts'
import type { HeldLogin } from './logins.ts'
import type { PingedChallenge } from './pinged-challenge.ts'
import type { LoginCheck } from './upstream.ts'

export interface LoginCheckOptions {
  readonly site: LoginSite
  /** Undefined where the login of the registry is not for this endpoint. */
  readonly logins: EndpointLogins | undefined
  readonly proofs: LoginProofs
  readonly pinged: PingedChallenge
}

/** Throws UpstreamError where nobody answers. */
export async function checkLogin(
  options: LoginCheckOptions,
  signal: AbortSignal,
): Promise<LoginCheck> {
  const { site, logins, pinged } = options
  const { registry, endpoint } = site
  const usable = await logins?.current(undefined, signal, true)
  if (!logins || !usable)
    return { outcome: 'not-asked-for', message: `${registry}: there is no login` }
  if ('trouble' in usable) return { outcome: 'refused', message: usable.trouble }
  const challenges = await pinged.getAnew(signal)
  if (challenges.length === 0) {
    const message = `${registry}: ${endpoint.host} does not ask for a login, so this one was not tried`
    return { outcome: 'not-asked-for', message }
  }
  const { held } = usable
  const check = await checkOne(options, held, challenges, signal)
  if (check.outcome !== 'refused') return check
  const renewed = await logins.renewed(held, undefined, signal)
  return renewed ? await checkOne(options, renewed, challenges, signal) : check
}

async function checkOne(
  { site, logins, proofs }: LoginCheckOptions,
  held: HeldLogin,
  challenges: Awaited<ReturnType<PingedChallenge['get']>>,
  signal: AbortSignal,
): Promise<LoginCheck> {
  const challenged = { challenges, url: site.endpoint, repository: undefined }
  const way = loginWay(held, challenged, site)
  if ('trouble' in way) return { outcome: 'refused', message: way.trouble }
  const proof = await proofs.of(way, signal, 0)
  if (proof.word === 'refused') {
    logins?.leaveAlone(held, proof.said)
    return { outcome: 'refused', message: proof.said }
  }
  logins?.accepted(held)
  return { outcome: 'works', message: `${site.registry}: the login from ${held.origin} works` }
}
