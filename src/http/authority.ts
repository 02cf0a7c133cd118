// `GET /ca.crt`: the certificate of regmirror's own authority, for clients to trust.

const NONE =
  'there is no authority to trust: this mirror has none of its own, which --tls self would make\n'

export function answerAuthority(certificate: string | undefined): Response {
  if (certificate === undefined) return new Response(NONE, { status: 404 })
  return new Response(certificate, { headers: { 'Content-Type': 'application/x-x509-ca-cert' } })
}
