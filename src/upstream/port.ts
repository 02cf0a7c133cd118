// The port that a URL means, said or not.

const USUAL: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443, 'socks5:': 1080 }

export function portOf({ protocol, port }: Pick<URL, 'protocol' | 'port'>): number {
  return port === '' ? (USUAL[protocol] ?? 0) : Number(port)
}
