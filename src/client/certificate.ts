import { PassThrough } from 'node:stream'
import { createSecureContext, TLSSocket } from 'node:tls'

/** A client certificate: the PKCS#12 file of the merchant platform with its passphrase (the merchant number), or the pair of PEM texts. */
export type ClientCert = { pfx: Buffer; passphrase: string } | { cert: string | Buffer; key: string | Buffer }

const PEM_PAIR = 'apiclient_cert.pem and apiclient_key.pem from the same download'

/** Node's errors about unusable certificates, and the remedies. They quote neither the files nor the passphrase. */
const REMEDIES: [reason: RegExp, remedy: string][] = [
  [
    /Unsupported PKCS12/,
    `the file uses an old encryption (RC2-40) that Node no longer reads. Give { cert, key }: ${PEM_PAIR}. Or repack it: \`openssl pkcs12 -legacy -nodes -in apiclient_cert.p12 -out all.pem\`, then \`openssl pkcs12 -export -in all.pem -out new.p12\``,
  ],
  [/mac verify failure/, 'the passphrase is wrong: it is the merchant number unless you have changed it'],
  [
    /Unable to load/,
    'the file lacks the certificate or its key: give apiclient_cert.p12 as the merchant platform made it',
  ],
  [/key values mismatch/, `the key does not belong to the certificate: give ${PEM_PAIR}`],
  [/bad decrypt/, 'the key is encrypted: give apiclient_key.pem as the merchant platform made it'],
]

const WRONG_PFX = 'pfx must be the content of apiclient_cert.p12, not its path or another file'
const WRONG_PAIR = `cert and key must be the content of ${PEM_PAIR}, not their paths, and not swapped`

/** Why TLS cannot use it, and what to do. Checked at registration, not at the first refund. `undefined` if TLS can use it. */
export function whyUnusable(cert: ClientCert): string | undefined {
  try {
    createSecureContext(cert)
    return undefined
  } catch (error) {
    const reason = (error as Error).message
    const known = REMEDIES.find(([pattern]) => pattern.test(reason))
    const remedy = known?.[1] ?? ('pfx' in cert ? WRONG_PFX : WRONG_PAIR)
    return `${remedy} (Node: ${reason})`
  }
}

/** When the certificate expires. */
export function expiryOf(cert: ClientCert): Date {
  const socket = new TLSSocket(new PassThrough(), { secureContext: createSecureContext(cert) })
  const { validTo } = socket.getX509Certificate()!
  socket.destroy()
  return new Date(validTo)
}
