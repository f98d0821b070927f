import { createSign } from 'node:crypto'
import { bits, integer, NULL, octets, oid, pem, printable, sequence, set, tagged, TRUE, utcTime, utf8 } from './der.ts'
import { AUTHORITY_KEY } from './key-pool.ts'
import { rsaKey, type RsaKey } from './rsa-key.ts'

/** A certificate and its key, as PEM texts. */
export interface CertificatePair {
  readonly cert: string
  readonly key: string
}

/** The contents of a certificate. */
export interface CertificateData {
  /** Name and value, in the order of the certificate. */
  readonly subject: readonly (readonly [name: keyof typeof ATTRIBUTES, value: string])[]
  /** 40 hexadecimal digits. */
  readonly serialNo: string
  readonly key: RsaKey
  readonly validFrom: Date
  readonly validTo: Date
}

const ATTRIBUTES = {
  C: oid('2.5.4.6'),
  O: oid('2.5.4.10'),
  OU: oid('2.5.4.11'),
  CN: oid('2.5.4.3'),
  L: oid('2.5.4.7'),
}

const nameOf = (attributes: CertificateData['subject']) =>
  sequence(
    ...attributes.map(([name, value]) =>
      set(sequence(ATTRIBUTES[name], name === 'C' ? printable(value) : utf8(value))),
    ),
  )

/** The names of WeChat's CA, for clients that check them. The unit says that Tencent did not issue it. */
const ISSUER = nameOf([
  ['C', 'CN'],
  ['O', 'Tenpay.com'],
  ['OU', 'wechat-mock test authority'],
  ['CN', 'Tenpay.com Root CA'],
])

const SHA256_WITH_RSA = sequence(oid('1.2.840.113549.1.1.11'), NULL)

const extension = (type: string, value: Buffer, critical = false) =>
  sequence(oid(type), ...(critical ? [TRUE] : []), octets(value))
const EXTENSIONS = tagged(
  3,
  sequence(
    extension('2.5.29.19', sequence(), true),
    // digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment
    extension('2.5.29.15', Buffer.from([3, 2, 4, 0xf0])),
    // clientAuth
    extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.2'))),
  ),
)

/** From 2020 to 2049, regardless of the world's time. */
export const ALWAYS_VALID = { validFrom: new Date(Date.UTC(2020, 0, 1)), validTo: new Date(Date.UTC(2049, 11, 31)) }
/** Before the start of any likely world. */
export const LONG_EXPIRED = { validFrom: new Date(Date.UTC(2014, 0, 1)), validTo: new Date(Date.UTC(2018, 11, 31)) }

/** The certificate in DER, issued by the CA that all mocks share. The same data produce the same bytes. */
export function issueCertificate({ subject, serialNo, key, validFrom, validTo }: CertificateData): Buffer {
  const body = sequence(
    tagged(0, integer(2)),
    integer(Buffer.from(serialNo, 'hex')),
    SHA256_WITH_RSA,
    ISSUER,
    sequence(utcTime(validFrom), utcTime(validTo)),
    nameOf(subject),
    key.publicDer,
    EXTENSIONS,
  )
  const signature = createSign('RSA-SHA256').update(body).sign(rsaKey(AUTHORITY_KEY).privateKey)
  return sequence(body, SHA256_WITH_RSA, bits(signature))
}

export const certificatePem = (der: Buffer) => pem('CERTIFICATE', der)
export const privateKeyPem = ({ privateDer }: RsaKey) => pem('PRIVATE KEY', privateDer)
export const publicKeyPem = ({ publicDer }: RsaKey) => pem('PUBLIC KEY', publicDer)

/** The subject of a merchant API certificate: its common name is the mch_id. */
export const merchantSubject = (mchId: string): CertificateData['subject'] => [
  ['CN', mchId],
  ['O', '微信商户系统'],
  ['OU', 'wechat-mock test certificate'],
  ['C', 'CN'],
  ['L', 'Shenzhen'],
]

/** The subject of a platform certificate. */
export const PLATFORM_SUBJECT: CertificateData['subject'] = [
  ['CN', 'Tenpay.com sign'],
  ['O', 'Tenpay.com'],
  ['OU', 'wechat-mock test certificate'],
  ['C', 'CN'],
  ['L', 'ShenZhen'],
]

/** 40 hexadecimal digits, drawn by the caller, as a serial number: positive, and without a leading zero. */
export const serialNoOf = (hex: string) =>
  (((parseInt(hex.slice(0, 2), 16) & 0x6f) | 0x10).toString(16) + hex.slice(2)).toUpperCase()
