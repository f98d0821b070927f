import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { Pem } from './options.ts'

/** Checks the keys and certificates of API v3 in the options, one by one and together. A reason names the right file, but never quotes its content. */

export function isPem(value: unknown): value is Pem {
  return (typeof value === 'string' || Buffer.isBuffer(value)) && value.length > 0
}

/** The kind of a PEM file by its first label, so that messages can name a misplaced file. */
function labelOf(pem: Pem): string | undefined {
  return /-----BEGIN ([A-Z0-9 ]+)-----/.exec(pem.toString())?.[1]
}

const NO_PEM = 'it is not PEM: give the content of the file, not its path'

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
    return "it is a certificate: WeChat Pay's certificates belong in platformCertificates, and the public key is in pub_key.pem"
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
    : `it is a key of type ${asymmetricKeyType} with ${bits} bits, but API v3 needs RSA of 2048 bits (SM2 is not supported)`
}

function reasonOf(read: () => KeyObject, why: (key: KeyObject) => string | undefined): string | undefined {
  try {
    return why(read())
  } catch (error) {
    return `it cannot be read (Node: ${(error as Error).message})`
  }
}

/** The mismatches between a merchant's keys, one sentence each. All keys are readable. */
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
        '`merchant.certificate` is a platform certificate of WeChat Pay, which belongs in `merchant.platformCertificates`: give apiclient_cert.pem',
      )
    } else if (spki(publicKey) !== own) {
      faults.push(
        '`merchant.privateKey` does not belong to `merchant.certificate`: give apiclient_key.pem and apiclient_cert.pem from the same download',
      )
    }
    if (serialNo !== undefined && BigInt(`0x${serialNo}`) !== BigInt(`0x${serialNumber}`)) {
      faults.push(`\`merchant.serialNo\` is not that of \`merchant.certificate\`, which is ${serialNumber}`)
    }
  }
  if (publicKey !== undefined && spki(createPublicKey(publicKey)) === own) {
    faults.push('`merchant.publicKey` is your own key: it must be the one of WeChat Pay, pub_key.pem')
  }
  if (
    Array.isArray(platformCertificates) &&
    platformCertificates.some((pem: Pem) => spki(new X509Certificate(pem).publicKey) === own)
  ) {
    faults.push("`merchant.platformCertificates` contains your own certificate: it must be WeChat Pay's")
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
