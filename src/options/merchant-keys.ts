import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { Pem } from './options.ts'

/** Keys and certificates of API v3 in the options: what each must be, and that they belong together. A reason names the file to give, and nothing of its content. */

export function isPem(value: unknown): value is Pem {
  return (typeof value === 'string' || Buffer.isBuffer(value)) && value.length > 0
}

/** What a file is by its first label, so that one in the wrong place is called by its name. */
function labelOf(pem: Pem): string | undefined {
  return /-----BEGIN ([A-Z0-9 ]+)-----/.exec(pem.toString())?.[1]
}

const NO_PEM = 'it is no PEM text: give the content of the file, not its path'

export function whyNoPrivateKey(pem: Pem): string | undefined {
  const label = labelOf(pem)
  if (label === undefined) return NO_PEM
  if (!label.endsWith('PRIVATE KEY')) return `it is a ${label}: give apiclient_key.pem`
  return reasonOf(() => createPrivateKey(pem), isStrong)
}

export function whyNoPublicKey(pem: Pem): string | undefined {
  const label = labelOf(pem)
  if (label === undefined) return NO_PEM
  if (label === 'CERTIFICATE') {
    return "it is a certificate: WeChat Pay's belong into platformCertificates, and the public key is in pub_key.pem"
  }
  if (!label.endsWith('PUBLIC KEY')) {
    return `it is a ${label}: give pub_key.pem, which the merchant platform shows beside its id`
  }
  return reasonOf(() => createPublicKey(pem), isStrong)
}

export function whyNoCertificate(pem: Pem): string | undefined {
  const label = labelOf(pem)
  if (label === undefined) return NO_PEM
  if (label !== 'CERTIFICATE') return `it is a ${label}, not a certificate`
  return reasonOf(() => new X509Certificate(pem).publicKey, isStrong)
}

function isStrong({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string | undefined {
  const bits = asymmetricKeyDetails?.modulusLength ?? 0
  return asymmetricKeyType === 'rsa' && bits >= 2048
    ? undefined
    : `it is a key of the kind ${asymmetricKeyType} with ${bits} bits, and API v3 takes RSA of 2048 (SM2 is not supported)`
}

function reasonOf(read: () => KeyObject, why: (key: KeyObject) => string | undefined): string | undefined {
  try {
    return why(read())
  } catch (error) {
    return `it cannot be read (Node: ${(error as Error).message})`
  }
}

/** What of a merchant's keys does not belong together, a sentence each. Every one of them can be read. */
export function whyApart({
  privateKey,
  serialNo,
  certificate,
  publicKey,
  platformCertificates,
}: {
  privateKey: Pem
  serialNo?: string | undefined
  certificate?: Pem | undefined
  publicKey?: Pem | undefined
  platformCertificates?: 'download' | readonly Pem[] | undefined
}): string[] {
  const faults: string[] = []
  const key = createPrivateKey(privateKey)
  const own = spki(createPublicKey(key))
  if (certificate !== undefined) {
    const { subject, serialNumber, publicKey } = new X509Certificate(certificate)
    if (isOfWechat(subject)) {
      faults.push(
        '`merchant.certificate` is a platform certificate of WeChat Pay: give apiclient_cert.pem, and that one in `merchant.platformCertificates`',
      )
    } else if (spki(publicKey) !== own) {
      faults.push(
        '`merchant.privateKey` belongs to another certificate than `merchant.certificate`: give apiclient_key.pem and apiclient_cert.pem of the same download',
      )
    }
    if (serialNo !== undefined && BigInt(`0x${serialNo}`) !== BigInt(`0x${serialNumber}`)) {
      faults.push(`\`merchant.serialNo\` is not that of \`merchant.certificate\`, which is ${serialNumber}`)
    }
  }
  if (publicKey !== undefined && spki(createPublicKey(publicKey)) === own) {
    faults.push('`merchant.publicKey` is your own: it must be that of WeChat Pay, pub_key.pem')
  }
  if (
    Array.isArray(platformCertificates) &&
    platformCertificates.some((pem: Pem) => spki(new X509Certificate(pem).publicKey) === own)
  ) {
    faults.push("`merchant.platformCertificates` holds your own certificate: it must be WeChat Pay's")
  }
  return faults
}

/** "CN=Tenpay.com sign, O=Tenpay.com, …" (recorded). */
function isOfWechat(subject: string): boolean {
  return /^CN=Tenpay\.com/m.test(subject)
}

function spki(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).toString('base64')
}
